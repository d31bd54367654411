"""A job's JSON is what Ruby would write, byte for byte.

Sidekiq's web page reschedules an entry of a sorted set by writing it anew: `ZINCRBY schedule … JSON.generate(job)`. Where
Ruby writes it otherwise than we did, that is a second entry, and the job runs twice.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minijobs.job import build, check_arguments, dump

REWRITE = """
STDIN.binmode
STDOUT.binmode
STDOUT.sync = true
STDIN.each_line { |line| STDOUT.write(JSON.generate(JSON.parse(line.chomp.force_encoding("UTF-8"))).b, "\\n") }
"""

# Where writers of JSON differ: exponents, thresholds between the two ways to write a float, and what is escaped.
FLOATS = [
    1e16,
    1e15,
    -1e15,
    1234567890123456.5,
    1795617983458195.25,
    1.23e15,
    999999999999999.9,
    9999999999999998.0,
    1e22,
    1e23,
    1e300,
    1.7976931348623157e308,
    1.5e16,
    1e-4,
    9.999e-5,
    1e-5,
    1.5e-7,
]
FLOATS += [5e-324, 0.1, -0.0, 0.0, 2.0**53, 1e100, 123456789012345680.0, 1_795_450_392.123456, 1_795_450_392_500.0]
INTEGERS = [0, -1, 2**31, 2**53 + 1, 2**63, -(2**64), 10**100, 10**999]
TEXTS = ["", "/", "</script>", "\x7f", "\x00\x01\x1f\b\f\n\r\t\x0b", "\u2028\u2029", '"\\', "é", "😀", "\ufeff", "\uffff"]
TEXTS += ["1e+16", "[1e+16,5e-05]", ",1e-05", ':5e-05,"a":1e+16', "the-end", '\\",1e+16', "\\", "\\\\"]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
scalars |= st.floats(1e14, 1e17) | st.floats(1e-6, 1e-3)  # around where Ruby and Python begin to write exponents
scalars |= st.sampled_from([*FLOATS, *INTEGERS, *TEXTS])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(TEXTS), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def as_ruby_writes_it() -> Iterator[Callable[[str], str]]:
    """What Ruby makes of a line of JSON when it reads and writes it."""
    if shutil.which("ruby") is None:
        pytest.skip("no ruby on PATH: apt-get install ruby-sidekiq")
    ruby = subprocess.Popen(["ruby", "-rjson", "-e", REWRITE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert ruby.stdin is not None
    assert ruby.stdout is not None
    told, heard = ruby.stdin, ruby.stdout

    def rewrite(text: str) -> str:
        told.write(text.encode() + b"\n")
        told.flush()
        return heard.readline().rstrip(b"\n").decode()

    yield rewrite
    told.close()
    assert ruby.wait(10) == 0
    heard.close()


def written(*args: Any) -> str:
    """A job with these arguments, as it is in Redis."""
    job = build({"class": "Mail", "args": list(args)})
    check_arguments(job)
    return dump(job)


@pytest.mark.parametrize(
    "value", [*FLOATS, *INTEGERS, *TEXTS, [], {}, [[]], [{}], {"": {"": []}}], ids=lambda value: repr(value)[:20]
)
def test_what_writers_of_json_differ_in_is_written_as_ruby_writes_it(as_ruby_writes_it: Callable, value: Any) -> None:
    text = written(value, [value], {"a": value, "b": [value, value]}, "a", value)
    assert as_ruby_writes_it(text) == text


@settings(max_examples=500)
@given(st.lists(values, max_size=4))
def test_whatever_may_be_pushed_is_written_as_ruby_writes_it(as_ruby_writes_it: Callable, args: list[Any]) -> None:
    text = written(*args)
    assert as_ruby_writes_it(text) == text


def test_moments_are_written_as_ruby_writes_them(as_ruby_writes_it: Callable) -> None:
    # Given moments of the next thirty years, in seconds and in milliseconds
    dice = random.Random(12)
    moments = [dice.uniform(1.79e9, 2.7e9) * unit for unit in (1, 1000) for _ in range(10_000)]
    for start in range(0, len(moments), 100):
        text = written(moments[start : start + 100])
        assert as_ruby_writes_it(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e16, "1.0e+16"),
        (-5e-324, "-5.0e-324"),
        (1e-5, "1.0e-05"),
        (1.5e-5, "1.5e-05"),
        (0.0001, "0.0001"),
        (-1e15, "-1.0e+15"),
        (1234567890123450.0, "1.23456789012345e+15"),
        (1234567890123456.5, "1234567890123456.5"),
        (999999999999999.9, "999999999999999.9"),
        (1234567890123456, "1234567890123456"),
        ("-1000000000000000.0", '"-1000000000000000.0"'),
        ("1e16 is [1e+16]", '"1e16 is [1e+16]"'),
        ({",1e+16": [1e16, 'a",1e-05']}, '{",1e+16":[1.0e+16,"a\\",1e-05"]}'),
    ],
)
def test_a_float_has_a_point_and_a_text_is_left_as_it_is(value: Any, text: str) -> None:
    assert dump({"args": [value]}) == f'{{"args":[{text}]}}'
