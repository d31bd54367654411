"""Whatever somebody writes into a queue or a sorted set: the process lives on, and the entry is in one place, or it was run.

The entries go to one real `minijobs worker` on the real server, a hundred in one example.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from processes import eventually, numbers

from minijobs import Client, poll, rescue_orphans

BATCH, BATCHES = 100, 10

# An example that fails is not made smaller, since each one waits for a process; the entry is printed.
batches = settings(max_examples=BATCHES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))

# Of Sidekiq's, of ours, and one of nobody's.
FIELDS = (
    *(
        "class",
        "args",
        "jid",
        "queue",
        "retry",
        "retry_count",
        "retry_for",
        "retry_queue",
        "dead",
        "backtrace",
        "tags",
        "at",
    ),
    *("created_at", "enqueued_at", "failed_at", "retried_at", "rescued", "error_message", "error_class", "error_backtrace"),
    *("bid", "cattr", "expires_in", "locale", "wrapped", "encrypt", "__class__"),
)
TEXTS = (
    *("", " ", "default", "low", "true", "0", "-1", "1e5", "Worker", "object", "Anything", "FailsAlways", "anything", "str"),
    *(
        "__import__",
        "os.system",
        "builtins.exec",
        "minijobs.worker.Worker",
        "../../etc",
        "Mail::Send",
        "%s%n{0}",
        "x|y",
        "a:b",
    ),
    *("é😀\u2028\u202e", "\x00", "\x1b[2J\r\n", "\ud800", "\udfff\ud800", "\ufeff", "x" * 300_000, "é" * 100_000),
)
LITERALS = (
    *("null", "true", "false", "0", "1", "-1", "3", "-0", "0.1", "1600000000.5", "1600000000500", "[]", "{}", '""'),
    *("1e999", "-1e999", "1e-999", "1e308", "NaN", "Infinity", "01", "", "'x'", "nul", '"', '"\\ud800"', '"\\u0000"', "[1,"),
    *("2147483647", "2147483648", "-2147483648", "9" * 400, "-" + "9" * 400, "9" * 5_000, "1." + "9" * 5_000),
    *('["a"]', "[[]]", "[null]", '{"a":null}', '{"":{"":[]}}', '[0,"x",1e999]', '["\\udfff"]'),
    *("[" * depth + "]" * depth for depth in (50, 300, 900, 960, 970, 980, 990, 2_000)),  # Python reads about a thousand
    *('{"a":' * depth + "1" + "}" * depth for depth in (300, 950, 975)),
    "[" * 100_000,
)


def job(kind, *more):
    """A job, more or less. MARK stands for its marker, which is put in when it is pushed."""
    fields = [("class", f'"{kind}"'), ("args", "[]"), ("jid", '"jid"'), ("marker", '"MARK"'), *more]
    return ("{" + ",".join(f'"{name}":{value}' for name, value in fields) + "}").encode()  # the last of a name counts


def one_wrong_field(kind):
    """Every field with every strange value, but not the longest ones."""
    strange = [value for value in (*LITERALS, *map(json.dumps, TEXTS)) if len(value) < 50_000]
    return [job(kind, (field, value)) for field in FIELDS for value in strange]


values = (
    st.sampled_from(LITERALS)
    | st.sampled_from(TEXTS).map(json.dumps)
    | st.integers().map(str)
    | st.floats().map(json.dumps)
    | st.text(max_size=8).map(json.dumps)
)


@st.composite
def jobs(draw):
    kind = draw(st.sampled_from(["Anything", "FailsAlways", "Stranger"]))
    return job(kind, *draw(st.lists(st.tuples(st.sampled_from(FIELDS), values), max_size=4)))


@st.composite
def no_jobs(draw):
    """No job at all: other JSON, a job with its end missing or with something behind it, any bytes."""
    kind = draw(st.sampled_from(["json", "cut", "more", "bytes"]))
    if kind == "json":
        return draw(st.sampled_from([b'"MARK"', b'["MARK"]', b'{"MARK":1}', b'[{"class":"Anything","jid":"MARK"}]']))
    if kind == "cut":
        return draw(jobs())[: draw(st.integers(0, 40))] + b"MARK"
    if kind == "more":
        return draw(jobs()) + draw(st.sampled_from([b"}", b"\x00", b" x", b"{}", b"\xff"])) + b"MARK"
    return draw(st.binary(max_size=30)) + b"MARK" + draw(st.binary(max_size=30))


entries = st.lists(jobs() | jobs() | jobs() | no_jobs(), min_size=BATCH, max_size=BATCH)
markers = itertools.count(1_000_000)  # no two entries are alike: a sorted set would hold them once


def marked(batch):
    """The entries by their markers, which are in them."""
    return {number: raw.replace(b"MARK", b"#%d#" % number) for number, raw in zip(markers, batch, strict=False)}


def where(redis, folder):
    """In how many places each marker is; to have been run is one."""
    found = Counter(f"#{number}#".encode() for number in numbers(folder))
    for key in redis.scan_iter():
        if key.startswith((b"queue:", b"inflight:")):
            held = redis.lrange(key, 0, -1) if redis.type(key) == b"list" else []  # a list that was left is sealed
        elif key in (b"retry", b"dead", b"schedule"):
            held = redis.zrange(key, 0, -1)
        else:
            continue
        found.update(mark for raw in held for mark in set(re.findall(rb"#\d{7}#", raw)))
    return found


def may_vanish(raw):
    """Whether an entry itself says that a failure of it is not to be kept."""
    try:
        job = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return isinstance(job, dict) and (job.get("retry") is False or job.get("dead") is False)


def is_accounted_for(process, redis, folder, pushed):
    """The process still runs an ordinary job, has nothing in flight, and each entry is in one place."""
    number = next(markers)
    Client(redis).push({"class": "Count", "args": [number]})
    eventually(lambda: process.ended() or number in numbers(folder))
    assert not process.ended(), process.said()[-5_000:]
    eventually(lambda: not redis.exists("queue:default") and not redis.keys("inflight:*"))
    found = where(redis, folder)
    for number, raw in pushed.items():
        places = found[b"#%d#" % number]
        assert places == 1 or (places == 0 and may_vanish(raw)), f"in {places} places: {raw[:1_000]!r}"


@pytest.fixture
def process(real, start):
    process = start("-c", "4", "--log-level", "ERROR", poll=0.05)
    eventually(lambda: real.scard("processes"))
    return process


def emptied(redis, folder):
    redis.delete("retry", "dead", "schedule", *redis.keys("queue:*"))
    (folder / "runs").unlink(missing_ok=True)


def test_nothing_in_a_queue_ends_a_process_or_is_lost(real, process, tmp_path):
    @batches
    @given(entries)
    def whatever(batch):
        emptied(real, tmp_path)
        pushed = marked(batch)
        real.lpush("queue:default", *pushed.values())
        is_accounted_for(process, real, tmp_path, pushed)

    for kind in ("Anything", "FailsAlways"):
        whatever.hypothesis.inner_test(one_wrong_field(kind))
    whatever()


def test_a_number_beyond_all_floats_does_not_stop_the_poller(redis):
    redis.zadd("retry", {job("Anything", ("retry_for", "9" * 400)): 1})
    # To Ruby it is a number, and the job has all the time in the world
    assert poll(redis) == 1
    [raw] = redis.lrange("queue:default", 0, -1)
    assert json.loads(raw)["retry_for"] == 2**31 - 1
    assert (redis.zcard("retry"), redis.zcard("dead")) == (0, 0)


@pytest.mark.parametrize("name", ["retry", "schedule"])
def test_nothing_that_is_due_ends_a_process_or_is_lost(real, process, tmp_path, name):
    @batches
    @given(entries)
    def whatever(batch):
        emptied(real, tmp_path)
        pushed = marked(batch)
        now = time.time()
        real.zadd(name, {raw: now - position for position, raw in enumerate(pushed.values())})
        eventually(lambda: not real.zcount(name, "-inf", now))
        is_accounted_for(process, real, tmp_path, pushed)

    whatever.hypothesis.inner_test(one_wrong_field("FailsAlways"))
    whatever()


def test_whatever_a_dead_process_held_goes_back_or_is_dead(redis):
    @batches
    @given(entries)
    def whatever(batch):
        redis.flushdb()
        pushed = marked(batch)
        redis.sadd("inflight", "host:1:abc|default")
        redis.lpush("inflight:host:1:abc|default", *pushed.values())
        assert rescue_orphans(redis) == len(batch)
        assert redis.exists("inflight") == 0
        assert redis.type("inflight:host:1:abc|default") == b"string"  # the seal
        assert redis.keys("inflight:*") == [b"inflight:host:1:abc|default"]
        assert redis.llen("queue:default") + redis.zcard("dead") == len(batch)

    whatever.hypothesis.inner_test(one_wrong_field("Anything"))
    whatever()
