"""The Lua scripts that move a job from one place in Redis to another in one atomic step. Those of the poller and of the
rescue are where they are used: `scheduled`, `rescue`.

While a script runs, Redis runs nothing else. Each script first checks that the job is there, then adds it to its new place,
and removes it from the old one last. So a script that arrives late, or twice, changes nothing; and if one stops at an error,
because a key is of the wrong type or Redis is full, the job is still where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

# Seconds for which an abandoned list is sealed. A move that arrives even later is noticed at the next heartbeat.
SEALED_FOR = 24 * 60 * 60

# A full Redis refuses a command that may need memory, unless the same script has written already. PERSIST is a write that
# needs none, and changes nothing here: after it, jobs can still be taken out and put back.
EVEN_IF_FULL = "redis.call('PERSIST', KEYS[1])\n"

# A sealed list is a string, so LPOS returns an error, and the job counts as not there.
REQUEUE = f"""
if type(redis.pcall('LPOS', KEYS[1], ARGV[1])) ~= 'number' then return 0 end
{EVEN_IF_FULL}
redis.call('RPUSH', KEYS[2], ARGV[2])
return redis.call('LREM', KEYS[1], 1, ARGV[1])
"""
SETTLE = """
if type(redis.pcall('LPOS', KEYS[1], ARGV[1])) ~= 'number' then return 0 end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
return redis.call('LREM', KEYS[1], 1, ARGV[1])
"""

# What a busy process does most, in one command: finished jobs leave the in-flight lists, and a job for each idle thread
# enters them.
# KEYS: the queues, in the order in which to look at them, each followed by its in-flight list; then, in the same way, queues
# from which nothing is fetched; then the sorted sets to which jobs go; last the set `inflight`. (Every key is among KEYS,
# because servers that are not Redis itself, such as Dragonfly, refuse a script that uses others.)
# ARGV: how many jobs are wanted, and from how many queues; how many jobs are done; for each of those, the position of its
# list in KEYS, and the entry; then for each job that goes to a sorted set: position, entry, position of the set, score, new
# entry.
# The reply is a flat list of pairs. A number of zero or more is that of a queue, and is followed by an entry that was
# fetched. A negative number is followed by an error: -1 is the first job for a sorted set, and after those come the queues.
# The jobs for sorted sets come first: a full Redis must refuse them, and would accept them after a removal. With many
# queues, EXISTS first asks whether any of them holds a job, so looking at 600 empty queues takes one command.
SETTLE_AND_FETCH = """
local want, last, done, answer, moved = tonumber(ARGV[1]), 2 * tonumber(ARGV[2]), tonumber(ARGV[3]), {}, 0
local entering = 0
for i = 4 + 2 * done, #ARGV, 5 do
    local list = KEYS[tonumber(ARGV[i])]
    entering = entering + 1
    if redis.call('LPOS', list, ARGV[i + 1]) then
        local added = redis.pcall('ZADD', KEYS[tonumber(ARGV[i + 2])], ARGV[i + 3], ARGV[i + 4])
        if type(added) == 'table' then
            answer[#answer + 1], answer[#answer + 2] = -entering, added.err
        else
            redis.call('LREM', list, 1, ARGV[i + 1])
        end
    end
end
for i = 4, 3 + 2 * done, 2 do redis.call('LREM', KEYS[tonumber(ARGV[i])], 1, ARGV[i + 1]) end
local waiting = 1
if last > 2 and want > 0 then
    local queues = {}
    for i = 1, last, 2 do queues[#queues + 1] = KEYS[i] end
    waiting = 0
    for first = 1, #queues, 5000 do  -- unpack fails above some 8,000 values
        waiting = waiting + redis.call('EXISTS', unpack(queues, first, math.min(first + 4999, #queues)))
    end
end
if want > 0 and waiting > 0 and done == 0 then redis.call('PERSIST', KEYS[#KEYS]) end
for i = 1, last, 2 do
    if moved == want or waiting == 0 then break end
    local before = moved
    while moved < want do
        local entry = redis.pcall('LMOVE', KEYS[i], KEYS[i + 1], 'RIGHT', 'LEFT')
        if not entry then break end
        if type(entry) == 'table' then
            if redis.call('TYPE', KEYS[i + 1])['ok'] == 'string' then return entry end
            answer[#answer + 1], answer[#answer + 2] = -entering - (i + 1) / 2, entry.err
            break
        end
        if moved == before then redis.call('SADD', KEYS[#KEYS], string.sub(KEYS[i + 1], #'inflight:' + 1)) end
        moved = moved + 1
        answer[#answer + 1], answer[#answer + 2] = (i - 1) / 2, entry
    end
end
return answer
"""
SETTLE_AND_FETCH_SHA = hashlib.sha1(SETTLE_AND_FETCH.encode()).hexdigest()


@lru_cache(maxsize=100)  # each command has the same, unless the order of the queues is random
def keys_to_settle_and_fetch(prefix: str, serving: Sequence[str], queues: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """Return the KEYS of SETTLE_AND_FETCH up to the sorted sets, and for each queue the position of its list among them.

    `prefix` is what the keys of the lists begin with. The process may hold jobs of `queues` that it is not `serving` now.

    >>> keys_to_settle_and_fetch("inflight:host:1:abc|", ("critical",), ("critical", "default"))[1]
    {'critical': 2, 'default': 4}
    """
    each = dict.fromkeys((*serving, *queues))
    keys = [key for queue in each for key in (f"queue:{queue}", prefix + queue)]
    return keys, {queue: 2 * number for number, queue in enumerate(each, start=1)}


# Abandon one list: held jobs move to the new one, the others go back to the queue, in such an order that the oldest is next.
# KEYS: the set `inflight`, the old list, the new one, the queue. ARGV: the names of the old and the new list, the seconds
# for which to seal the old one, the held entries. The reply is how many jobs went back.
RECONCILE = """
redis.call('PERSIST', KEYS[1])
redis.call('SADD', KEYS[1], ARGV[2])
local requeued = 0
if redis.call('TYPE', KEYS[2])['ok'] == 'list' then
    for i = #ARGV, 4, -1 do
        if redis.call('LPOS', KEYS[2], ARGV[i]) then
            redis.call('LPUSH', KEYS[3], ARGV[i])
            redis.call('LREM', KEYS[2], 1, ARGV[i])
        end
    end
    while true do
        local entry = redis.pcall('LMOVE', KEYS[2], KEYS[4], 'LEFT', 'RIGHT')
        if type(entry) == 'table' then return entry end
        if not entry then break end
        requeued = requeued + 1
    end
end
redis.call('SET', KEYS[2], '', 'EX', ARGV[3])
redis.call('SREM', KEYS[1], ARGV[1])
return requeued
"""

# Remove the name of an empty list from the set, if its owner has no heartbeat, and seal the list where a late move of its
# owner may still arrive. KEYS: the set `inflight`, the list, the owner's heartbeat. ARGV: the name of the list, and the
# seconds for which to seal it, or 0.
FORGET = """
if redis.call('EXISTS', KEYS[3]) == 1 or redis.call('TYPE', KEYS[2])['ok'] == 'list' then return 0 end
redis.call('SREM', KEYS[1], ARGV[1])
if ARGV[2] ~= '0' then redis.call('SET', KEYS[2], '', 'EX', ARGV[2]) end
return 1
"""
