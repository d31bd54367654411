"""What a process asks Redis to do in one step: the scripts that take a job out of one place and put it into another.

A script runs from its first line to its last, and nothing else runs meanwhile. Each of them looks first whether the job is
there, adds it to where it goes, and removes it last. So a script that comes late, or twice, changes nothing; and if one
stops at an error, on a key of another type or in a Redis that is full, the job is still where it was.
"""

from __future__ import annotations

import hashlib

# So long is a list that was left sealed, in seconds. What comes later than that is noticed at the next heartbeat.
SEALED_FOR = 24 * 60 * 60

# A Redis that is full refuses a script's first command that may need memory, but not those after a write: PERSIST is one,
# and changes nothing here. So jobs are still taken out, and put back, where nothing else goes.
EVEN_IF_FULL = "redis.call('PERSIST', KEYS[1])\n"

# A list that is sealed holds nothing.
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

# One command for what a busy process asks most: what was run leaves the in-flight lists, a job for each idle thread enters
# them. KEYS: the queues in the order in which they are looked at, each with its in-flight list, and after them those that
# are not looked at; last the set of those lists. ARGV: how many jobs are wanted, from how many queues; how many were done;
# for each of those the position of its list in KEYS, and the entry; then for each job that goes to a sorted set the same
# two, the set, the score and the entry there. The answer is pairs: the number of a queue and an entry that was moved, or a
# number below zero and an error: of that sorted set, or after them of that queue. The failures come first: to a full Redis
# they are refused, and what comes after a removal is not. Of many queues it is asked at once whether any holds something:
# looking at 600 that are empty is one command.
EXCHANGE = """
local want, last, done, answer, moved = tonumber(ARGV[1]), 2 * tonumber(ARGV[2]), tonumber(ARGV[3]), {}, 0
local failed = 0
for i = 4 + 2 * done, #ARGV, 5 do
    local list = KEYS[tonumber(ARGV[i])]
    failed = failed + 1
    if redis.call('LPOS', list, ARGV[i + 1]) then
        local added = redis.pcall('ZADD', ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
        if type(added) == 'table' then
            answer[#answer + 1], answer[#answer + 2] = -failed, added.err
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
    for first = 1, #queues, 5000 do  -- Lua unpacks some 8,000 at most
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
            answer[#answer + 1], answer[#answer + 2] = -failed - (i + 1) / 2, entry.err
            break
        end
        if moved == before then redis.call('SADD', KEYS[#KEYS], string.sub(KEYS[i + 1], #'inflight:' + 1)) end
        moved = moved + 1
        answer[#answer + 1], answer[#answer + 2] = (i - 1) / 2, entry
    end
end
return answer
"""
EXCHANGE_SHA = hashlib.sha1(EXCHANGE.encode()).hexdigest()

# Leave one list: what is held moves to the new one, the rest back to its queue, the one that was fetched last first, so that
# the oldest is taken first again. KEYS: the set of lists, the old list, the new one, the queue. ARGV: the two names, how
# long the seal lasts, the held entries. The answer is how many went back.
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

# The name of an empty list leaves the set of lists if its owner has no heartbeat; and the list is sealed, where the owner
# may still have a move on its way. KEYS: the set, the list, its owner. ARGV: the name, and for how long it is sealed, or 0.
FORGET = """
if redis.call('EXISTS', KEYS[3]) == 1 or redis.call('TYPE', KEYS[2])['ok'] == 'list' then return 0 end
redis.call('SREM', KEYS[1], ARGV[1])
if ARGV[2] ~= '0' then redis.call('SET', KEYS[2], '', 'EX', ARGV[2]) end
return 1
"""
