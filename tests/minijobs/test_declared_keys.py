"""Every key that a script uses is among its KEYS. Redis lets others pass; servers that stand in for it, such as Dragonfly,
refuse them."""

from __future__ import annotations

import hashlib
from types import ModuleType

import pytest
import redis as redis_py

from minijobs import (
    DeadSet,
    Fetcher,
    Heartbeat,
    Processor,
    Queue,
    RetrySet,
    ScheduledSet,
    Worker,
    api,
    heartbeat,
    poll,
    rescue,
    rescue_orphans,
    scheduled,
    scripts,
)
from minijobs.processor import Running

# In front of a script. The last two words of LMOVE are the only other ones that could be keys.
GUARD = """
local server, declared = redis, {}
for _, key in ipairs(KEYS) do declared[key] = true end
local function guarded(how)
    return function(name, ...)
        local words = {...}
        for place = 1, string.upper(name) == 'EXISTS' and #words or string.upper(name) == 'LMOVE' and 2 or 1 do
            if not declared[words[place]] then error(name .. ' of an undeclared key, ' .. tostring(words[place])) end
        end
        return server[how](name, ...)
    end
end
local redis = {call = guarded('call'), pcall = guarded('pcall')}
"""


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """All scripts refuse keys that are not declared."""
    for module in (api, heartbeat, rescue, scheduled, scripts):
        for name, script in scripts_of(module).items():
            monkeypatch.setattr(module, name, GUARD + script)
    monkeypatch.setattr(scripts, "SETTLE_AND_FETCH_SHA", hashlib.sha1(scripts.SETTLE_AND_FETCH.encode()).hexdigest())


def scripts_of(module: ModuleType) -> dict[str, str]:
    return {name: text for name, text in vars(module).items() if isinstance(text, str) and text.count("redis.call(") > 1}


class Fails(Worker, name="DeclaredKeys::Fails"):  # other files have a Worker of this name
    def perform(self) -> None:
        raise RuntimeError("no")


class Ends(Fails, name="DeclaredKeys::Ends"):
    retry = 0


def test_the_guard_refuses_a_key_that_is_not_declared(real: redis_py.Redis) -> None:
    with pytest.raises(redis_py.ResponseError, match="SADD of an undeclared key, elsewhere"):
        real.eval(GUARD + "return redis.call('SADD', 'elsewhere', 1)", 1, "here")


@pytest.mark.usefixtures("guarded")
def test_fetching_and_settling_use_declared_keys(real: redis_py.Redis) -> None:
    processor = Processor(Fetcher("default", "low"))
    for worker in (Fails, Ends):
        for _ in range(3):
            worker.perform_async()
    units, _ = processor.fetcher.settle_and_fetch([], 4)
    finished = [(unit, processor.run(unit).to) for unit in units]
    more, refused = processor.fetcher.settle_and_fetch(finished, 4)
    assert (len(units), len(more), refused) == (4, 2, {})
    assert (real.zcard("retry"), real.zcard("dead")) == (3, 1)
    processor.fetcher.requeue(more[0])
    processor.fetcher.reconcile([])
    assert processor.process_one().name == "dead"
    processor.fetcher.leave()


@pytest.mark.usefixtures("guarded")
def test_moving_jobs_uses_declared_keys(real: redis_py.Redis) -> None:
    Fails.perform_in(3600)
    assert ScheduledSet().retry_all() == 1
    fetcher = Fetcher("default")
    assert fetcher.fetch()
    assert rescue_orphans() == 1  # it has no heartbeat
    assert Processor(fetcher).process_one().name == "retry"
    assert [entry.reschedule(1.0) for entry in RetrySet()] == [True]
    assert poll() == 1
    Fails.perform_in(3600)
    assert ScheduledSet().kill_all() == len(DeadSet()) == 1
    assert Queue("default").clear() == 1


@pytest.mark.usefixtures("guarded")
def test_a_heartbeat_uses_declared_keys_also_when_redis_is_full(real: redis_py.Redis) -> None:
    processor = Processor(Fetcher("default"))
    Fails.perform_async()
    unit = processor.fetcher.fetch()
    processor.running["a thread"] = Running(unit, 1.0)
    processor.processed = 1
    heart = Heartbeat(processor)
    heart.beat()
    real.config_set("maxmemory", 1)
    try:
        heart.beat()
    finally:
        real.config_set("maxmemory", 0)
    assert real.hget(heart.identity, "busy") == b"1"
    assert real.hlen(f"{heart.identity}:work") == 1
    heart.stop()
