"""A job is JSON, or it is refused."""

from __future__ import annotations

import contextlib
import enum
import json
import math
import time
import uuid
from collections import OrderedDict, defaultdict, namedtuple
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import lately

from minijobs import BadArgument, BadPayload
from minijobs.job import DEEPEST_ARGUMENT, build, check_arguments, dump, load, moment, new_jid, seconds

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(st.none() | st.booleans() | NUMBERS | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner))
NAN = st.sampled_from([math.nan, math.inf, -math.inf])
NOT_JSON = NAN | st.binary() | st.dates() | st.sets(st.integers()) | st.tuples(st.integers()) | st.complex_numbers()
KEYS_NOT_TEXT = st.integers() | st.none() | st.booleans() | st.floats() | st.binary() | st.tuples(st.text())


class Point(namedtuple("Point", "x y")):
    __slots__ = ()


class Colour(enum.Enum):
    RED = "red"


class TextColour(str, enum.Enum):  # noqa: UP042 - as people wrote it before StrEnum, and str(…) gives its name
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Name(str):
    __slots__ = ()


def job(*args: Any) -> dict[str, Any]:
    return build({"class": "Mail", "args": list(args)})


def refused(*args: Any, parameters: tuple[str, ...] = ()) -> str:
    """What the refusal says."""
    with pytest.raises(BadArgument) as refusal:
        check_arguments(job(*args), parameters)
    return str(refusal.value)


# Building


def test_a_job_has_a_jid_of_24_hex_digits() -> None:
    assert len(job()["jid"]) == 24
    assert int(job()["jid"], 16) >= 0


def test_no_two_jobs_have_the_same_jid() -> None:
    assert len({new_jid() for _ in range(1000)}) == 1000


def test_a_job_goes_to_default_and_is_retried_unless_it_says_otherwise() -> None:
    assert (job()["queue"], job()["retry"]) == ("default", True)
    other = build({"class": "Mail", "args": [], "queue": "slow", "retry": 3})
    assert (other["queue"], other["retry"]) == ("slow", 3)


def test_the_item_itself_is_not_changed() -> None:
    item = {"class": "Mail", "args": ["a"]}
    build(item)
    assert item == {"class": "Mail", "args": ["a"]}


def test_a_tuple_of_arguments_is_a_list_of_arguments() -> None:
    assert build({"class": "Mail", "args": (1, 2)})["args"] == [1, 2]


@pytest.mark.parametrize(
    ("item", "wrong"),
    [
        ({"args": []}, '"class" is a NoneType'),
        ({"class": 5, "args": []}, '"class" is a int'),
        ({"class": "Mail"}, '"args" is a NoneType'),
        ({"class": "Mail", "args": "ada"}, '"args" is a str'),
        ({"class": "Mail", "args": {"a": 1}}, '"args" is a dict'),
        ({"class": "Mail", "args": [], "jid": 7}, '"jid" is 7'),
        ({"class": "", "args": []}, "\"class\" is ''"),
        ({"class": "Mail", "args": [], 5: 1}, "5 is a int"),
        ({"class": "Mail", "args": [], "queue": "a|b"}, "\"queue\" is 'a|b'"),
        ({"class": "Mail", "args": [], "retry_queue": "a|b"}, "\"retry_queue\" is 'a|b'"),
        ({"class": "Mail", "args": [], "retry": 1.0}, '"retry" is 1.0'),
        ({"class": "Mail", "args": [], "backtrace": "10"}, "\"backtrace\" is '10'"),
        ({"class": "Mail", "args": [], "dead": "no"}, "\"dead\" is 'no'"),
        ({"class": "Mail", "args": [], "retry_for": "60"}, "\"retry_for\" is '60'"),
        ({"class": "Mail", "args": [], "tags": "mail"}, "\"tags\" is 'mail'"),
        ({"class": "Mail", "args": [], "tags": [1]}, '"tags" is [1]'),
        ({"class": "Mail", "args": [], "at": None}, '"at" is None'),
        ({"class": "Mail", "args": [], "at": 1_795_450_392_500}, '"at" is 1795450392500'),
        ("Mail", "it is a str"),
        ({"class": "Mail", "args": [], "queue": ""}, "\"queue\" is ''"),
        ({"class": "Mail", "args": [], "queue": None}, '"queue" is None'),
        ({"class": "Mail", "args": [], "queue": "\ud800"}, '"queue" is'),
        ({"class": "Mail", "args": [], "retry_queue": 5}, '"retry_queue" is 5'),
        ({"class": "Mail", "args": [], "retry": "no"}, "\"retry\" is 'no'"),
        ({"class": "Mail", "args": [], "retry": -1}, '"retry" is -1'),
        ({"class": "Mail", "args": [], "retry": 2.5}, '"retry" is 2.5'),
        ({"class": "Mail", "args": [], "retry": 2**31}, '"retry" is 2147483648'),
        ({"class": "Mail", "args": [], "retry_count": 2.5}, '"retry_count" is 2.5'),
        ({"class": "Mail", "args": [], "at": "tomorrow"}, "\"at\" is 'tomorrow'"),
        ({"class": "Mail", "args": [], "at": math.nan}, '"at" is nan'),
        ({"class": "Mail", "args": [], "at": True}, '"at" is True'),
        ({"class": "Mail", "args": [], "created_at": "noon"}, "\"created_at\" is 'noon'"),
        ({"class": "Mail", "args": [], "tags": ["\ud800"]}, '"tags" is'),
        (
            {"class": "Mail", "args": [], "expires_in": timedelta(1)},
            '"expires_in" is a timedelta, and JSON has no such thing',
        ),
        ({"class": "Mail", "args": [], "cattr": {"at": [(1, 2)]}}, "\"cattr\", at ['at'][0], is a tuple"),
        ({"class": "Mail", "args": [], "cattr": {1: 2}}, '"cattr" has the key 1'),
        ({"class": "Mail", "args": [], "locale": "\ud800"}, '"locale" is a str with half a surrogate pair'),
        ({"class": "Mail", "args": [], "\ud800": 1}, "the name of a field must be text"),
    ],
)
def test_an_option_that_no_job_can_have_is_refused_by_name(item: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^Not a job: ") as refusal:
        build(item)
    assert wrong in str(refusal.value)
    assert "\n" not in str(refusal.value)


# Arguments


@pytest.mark.parametrize("value", [None, True, 0, -1, 1.5, "", "é😀", [], {}, [[1], {"a": [None]}], 2**63, 10**400, "\x00"])
def test_json_is_accepted(value: Any) -> None:
    check_arguments(job(value))


@pytest.mark.parametrize(
    ("value", "kind", "instead"),
    [
        (date(2026, 11, 23), "a date", ".isoformat()"),
        (datetime(2026, 11, 23, tzinfo=UTC), "a datetime", ".isoformat()"),
        (timedelta(minutes=1), "a timedelta", ".total_seconds()"),
        ({1}, "a set", "sorted list"),
        (frozenset(), "a frozenset", "sorted list"),
        (b"bytes", "a bytes", "base64"),
        ((1, 2), "a tuple", "Pass a list"),
        (Point(1, 2), "a Point", "Pass a list"),
        (Decimal("1.10"), "a Decimal", "Pass str(…)"),
        (uuid.UUID(int=1), "a UUID", "Pass str(…)"),
        (PurePosixPath("a"), "a PurePosixPath", "Pass str(…)"),
        (Colour.RED, "a Colour", "Pass its .value"),
        (TextColour.RED, "a TextColour", "Pass its .value"),  # str(TextColour.RED) is "TextColour.RED"
        (Number.ONE, "a Number", "Pass its .value"),
        (Name("ada"), "a Name", "Pass str(…)"),
        (OrderedDict(a=1), "a OrderedDict", "Pass dict(…)"),
        (defaultdict(list), "a defaultdict", "Pass dict(…)"),
        (object(), "a object", "Pass an id"),
        (job, "a function", "Pass an id"),
        (Point, "a type", "Pass an id"),
        (1j, "a complex", "Pass an id"),
        (type("int64", (type("generic", (), {}),), {})(), "a int64", "Pass its .item()"),  # numpy's, named as they are there
        (type("bool", (type("generic", (), {}),), {"__module__": "numpy"})(), "a numpy.bool", "Pass its .item()"),
        (type("int", (int,), {})(5), "a test_job.int", "Pass int(…)"),
        (type("ndarray", (), {})(), "a ndarray", "Pass its .tolist()"),
        (type("__proxy__", (), {})(), "a __proxy__", "Pass str(…)"),  # Django's, likewise
        (type("SafeString", (str,), {"__str__": lambda self: self})("a"), "a SafeString", "Pass str.__str__(…)"),
    ],
)
def test_what_is_not_json_is_refused_by_its_type_with_what_to_pass_instead(value: Any, kind: str, instead: str) -> None:
    message = refused(value)
    assert message.startswith(f"Argument 1 of Mail is {kind}, and JSON has no such thing.")
    assert instead in message


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_no_number_is_refused(value: float) -> None:
    assert refused(value) == f"Argument 1 of Mail is {value}, and JSON has no such number. Pass None."


@pytest.mark.parametrize("key", [1, None, True, 1.5, b"a", (1, 2), Name("a"), "\ud800"])
def test_a_key_that_is_no_text_is_refused(key: Any) -> None:
    assert refused({key: 1}).startswith(f"Argument 1 of Mail has the key {key!r}, and JSON's keys are text.")


def test_a_number_too_long_to_be_read_again_is_refused() -> None:
    check_arguments(job(10**1000 - 1))
    assert "over 1,000 digits" in refused(10**1000)
    assert "over 1,000 digits" in refused(-(10**1000))


def test_text_that_utf8_cannot_write_is_refused() -> None:
    assert "half a surrogate pair" in refused("\ud800")


def test_the_refusal_names_the_position_and_the_name() -> None:
    assert refused("a", {1}, parameters=("email", "sizes")).startswith("Argument 2 (sizes) of Mail is a set")


def test_an_argument_without_a_name_is_named_by_its_position() -> None:
    assert refused("a", {1}, parameters=("email",)).startswith("Argument 2 of Mail is a set")


def test_what_is_nested_is_refused_with_the_way_to_it() -> None:
    assert refused({"a": [1, {"b": (1,)}]}).startswith("Argument 1 of Mail, at ['a'][1]['b'], is a tuple")
    assert refused([{"a": {2: 3}}]).startswith("Argument 1 of Mail, at [0]['a'], has the key 2")
    assert refused([[math.nan]]).startswith("Argument 1 of Mail, at [0][0], is nan")


def test_nesting_is_accepted_as_deep_as_ruby_reads_it() -> None:
    assert nested(DEEPEST_ARGUMENT + 2) == [nested(DEEPEST_ARGUMENT + 1)]
    check_arguments(job(nested(DEEPEST_ARGUMENT)))
    assert "nested more than 98 deep" in refused(nested(DEEPEST_ARGUMENT + 1))


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "nested more than 98 deep" in refused(endless)


# Writing and reading


def test_a_job_is_written_without_spaces_and_with_its_letters_as_they_are() -> None:
    assert dump({"class": "Mail", "args": ["é 😀"]}) == '{"class":"Mail","args":["é 😀"]}'


def test_half_a_surrogate_pair_from_someone_elses_push_can_be_written_again() -> None:
    foreign = load('{"class":"Mail","args":["\\ud800"],"jid":"1"}')
    assert load(dump(foreign).encode()) == foreign


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_json_has_not_is_never_written(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump(job(value))


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        (b"", "cannot be read as JSON"),
        (b"hello", "cannot be read as JSON"),
        (b"\xff\xfe", "cannot be read as JSON"),
        (b"\xef\xbb\xbf{}", "cannot be read as JSON"),
        (b'{"class":"A","args":[NaN],"jid":"1"}', "NaN is not JSON"),
        (b'{"class":"A","args":[Infinity],"jid":"1"}', "Infinity is not JSON"),
        (b'{"class":"A","args":[' + b"9" * 5000 + b'],"jid":"1"}', "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b"[]", "it is a list and must be an object"),
        (b"null", "it is a NoneType and must be an object"),
        (b"{}", '"class" is a NoneType and must be a string'),
        (b'{"class":"A","jid":"1"}', '"args" is a NoneType and must be a list'),
        (b'{"class":["A"],"args":[],"jid":"1"}', '"class" is a list and must be a string'),
    ],
)
def test_an_entry_that_is_no_job_is_refused_with_what_is_wrong(raw: bytes, wrong: str) -> None:
    with pytest.raises(BadPayload) as refusal:
        load(raw)
    assert wrong in str(refusal.value)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ('"retry":"5"', {"retry": True}),
        ('"retry":2.0', {"retry": True}),
        ('"retry":-1', {"retry": -1}),
        ('"retry":"yes"', {"retry": True}),
        ('"retry":{}', {"retry": True}),
        ('"retry":1e999', {"retry": True}),
        ('"retry":false', {"retry": False}),
        ('"retry":null', {"retry": None}),  # its class decides
        ('"retry_count":null', {}),
        ('"retry_count":3.0', {"retry_count": 3}),
        ('"retry_count":1e999', {}),
        ('"retry_count":2147483648', {"retry_count": 2**31 - 1}),
        ('"retry_count":-2147483648', {"retry_count": -1}),
        ('"backtrace":"10"', {"backtrace": 10}),
        ('"backtrace":true', {"backtrace": True}),
        ('"backtrace":[]', {"backtrace": None}),
        ('"retry_for":60.5', {"retry_for": 60.5}),
        ('"retry_for":"60"', {"retry_for": 60}),
        ('"retry_for":false', {"retry_for": None}),
        ('"retry_queue":null', {"retry_queue": None}),
        ('"retry_queue":[]', {}),
        ('"queue":7', {"queue": "7"}),
        ('"queue":[]', {}),
        ('"queue":"\\ud800"', {}),
        ('"queue":"a|b"', {"queue": "a|b"}),
        ('"tags":"mail"', {"tags": ["mail"]}),
        ('"tags":{"a":1}', {"tags": [{"a": 1}]}),
        ('"jid":5', {"jid": "5"}),
    ],
)
def test_what_sidekiq_runs_is_read_with_its_options_made_plain(extra: str, expected: dict[str, Any]) -> None:
    # When somebody else pushed it
    read = load('{"class":"A","args":[],"jid":"1",' + extra + "}")
    # Then what reads it later finds the types that it knows, and 2.0 is no 2
    assert same(read, {"class": "A", "args": [], "jid": "1", **expected})


@pytest.mark.parametrize("jid", ["", ',"jid":null', ',"jid":[]', ',"jid":""'])
def test_an_entry_without_a_jid_has_one_from_now_on(jid: str) -> None:
    read = load('{"class":"A","args":[]' + jid + "}")
    assert len(read["jid"]) == 24


def test_an_entry_is_read_from_text_and_from_bytes() -> None:
    text = '{"class":"Mail","args":["é"],"jid":"1"}'
    assert load(text) == load(text.encode())


def test_what_others_add_to_a_job_is_kept() -> None:
    raw = '{"class":"Mail","args":[],"jid":"1","bid":"x","at":"noon","cattr":{"a":[1]}}'
    assert dump(load(raw)) == raw


@given(st.lists(JSON))
def test_any_json_comes_back_as_it_was(args: list[Any]) -> None:
    written = job(*args)
    check_arguments(written)
    assert same(load(dump(written).encode())["args"], args)


@given(st.recursive(NOT_JSON | st.dictionaries(KEYS_NOT_TEXT, JSON, min_size=1), lambda inner: st.lists(inner, min_size=1)))
def test_whatever_json_would_change_is_refused_however_deep(value: Any) -> None:
    assert refused(value).startswith("Argument 1 of Mail")


@given(st.recursive(JSON | NOT_JSON, lambda inner: st.lists(inner) | st.dictionaries(TEXT | KEYS_NOT_TEXT, inner)))
def test_an_argument_is_refused_or_comes_back_as_it_was(value: Any) -> None:
    written = job(value)
    try:
        check_arguments(written)
    except BadArgument:
        return
    assert same(load(dump(written))["args"], [value])


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | st.integers(1, 3000).map(lambda deep: b"[" * deep))
def test_reading_raises_nothing_but_bad_payload(raw: bytes) -> None:
    with contextlib.suppress(BadPayload):
        assert set(load(raw)) >= {"class", "args", "jid"}


def test_what_was_read_can_be_written_or_raises_a_value_error_wherever_that_is_done() -> None:
    # How deep json can go depends on Python's version, until 3.11 also on how deep the caller is; and who writes may be
    # deeper than who read, or have put what was read into something else.
    def read(depth: int) -> dict[str, Any] | None:
        with contextlib.suppress(BadPayload):
            return load(b'{"class":"A","jid":"1","args":[' + b"[" * depth + b"]" * depth + b"]}")
        return None

    def refused_from(frames: int, job: dict[str, Any]) -> bool:
        if frames:
            return refused_from(frames - 1, job)
        try:
            dump(job)
        except ValueError:
            return True
        return False

    deepest, too_deep = 1, 1_000_000
    while too_deep - deepest > 1:
        middle = (deepest + too_deep) // 2
        deepest, too_deep = (middle, too_deep) if read(middle) else (deepest, middle)
    refused_depths = 0
    for depth in range(deepest - 200, deepest + 1):
        if deep := read(depth):
            refused_depths += refused_from(20, deep)
            for _ in range(10):
                deep["args"] = [deep["args"]]
            refused_depths += refused_from(20, deep)
    assert refused_depths > 0


# Text that is more than text


def test_fields_of_a_subclass_of_text_or_number_are_made_plain() -> None:
    # Given options that print as something else than what JSON makes of them
    red, one, name = TextColour.RED, Number.ONE, Name("ada")
    built = build(
        {
            "class": name,
            "args": (),
            "queue": red,
            "retry_queue": red,
            "retry": one,
            "jid": name,
            "tags": (red,),
            "backtrace": one,
            red: red,
        }
    )
    # Then each is what JSON would make of it, and of no other type
    expected = {
        "class": "ada",
        "args": [],
        "retry": 1,
        "queue": "red",
        "jid": "ada",
        "created_at": built["created_at"],
        "retry_queue": "red",
        "tags": ["red"],
        "backtrace": 1,
        "red": "red",
    }
    assert same(built, expected)
    assert {type(field) for field in built} == {str}


# Time


@pytest.mark.parametrize("when", [1_795_450_392_500, 1_795_450_392_500.0, 1_795_450_392_500_000_000, timedelta.max])
def test_milliseconds_are_no_moment(when: Any) -> None:
    with pytest.raises(ValueError, match=r"is no moment in epoch seconds: milliseconds, perhaps\?"):
        moment(when)


def test_the_last_datetime_is_a_moment_and_a_member_of_an_enum_is_a_number_of_seconds() -> None:
    last = moment(datetime.max.replace(tzinfo=UTC))
    assert build({"class": "Mail", "args": [], "at": last})["at"] == last
    assert moment(Number.ONE, now=1000.0) == 1001.0


def test_sidekiq_8s_milliseconds_and_everybodys_seconds_are_one_time() -> None:
    assert seconds(1_795_450_392_500) == seconds(1_795_450_392.5) == 1_795_450_392.5


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (0, 1000.0),
        (60, 1060.0),
        (-60, 940.0),
        (0.5, 1000.5),
        (999_999_999, 1_000_000_999.0),
        (1e9, 1e9),
        (1_795_450_392, 1_795_450_392.0),
        (timedelta(minutes=1), 1060.0),
        (timedelta(days=40 * 365), 1000.0 + 40 * 365 * 86_400),  # a stretch of time, however long
        (datetime.fromtimestamp(1_795_450_392.5, UTC), 1_795_450_392.5),
        (datetime(2001, 1, 1, tzinfo=UTC), 978_307_200.0),
    ],
)
def test_a_small_number_counts_from_now_and_a_large_one_is_a_moment(when: Any, expected: float) -> None:
    assert moment(when, now=1000.0) == expected


@pytest.mark.parametrize("when", [None, "60", True, math.nan, math.inf, date(2026, 11, 23), [60]])
def test_what_is_no_time_is_refused_in_one_sentence(when: Any) -> None:
    with pytest.raises(TypeError, match="is no time: pass seconds from now"):
        moment(when)


class Unknown(tzinfo):
    """A time zone that does not know how far it is from UTC. Python counts such a datetime as one without a time zone."""

    def utcoffset(self, when: datetime | None) -> None:
        return None


def test_a_datetime_without_a_time_zone_is_refused() -> None:
    with pytest.raises(TypeError, match="has no time zone"):
        moment(datetime(2026, 11, 23))
    with pytest.raises(TypeError, match="has no time zone"):
        moment(datetime(2026, 11, 23, tzinfo=Unknown()))


def test_without_now_the_clock_is_asked() -> None:
    before = time.time()
    assert lately(moment(60) - 60, since=before)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types: 1, 1.0 and True are three values."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return bool(left == right)
