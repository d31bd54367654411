"""The Lua scripts that read many keys, or move many jobs, in one command. Those that read return no entry that is too large.

So a page costs the same few commands whether there are five queues or five thousand, and no more than a few megabytes
whatever a job holds. Where a key is of another type, it costs its own number and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..connection import Redis

# An entry as it is returned: its size, and all of it with an empty second part, or its first and last bytes.
_PIECES = """
local function pieces(answer, entry, whole, ends)
    answer[#answer + 1] = #entry
    if #entry <= whole then
        answer[#answer + 1], answer[#answer + 2] = entry, ''
    else
        answer[#answer + 1], answer[#answer + 2] = string.sub(entry, 1, ends), string.sub(entry, -ends)
    end
    return math.min(#entry, whole)
end
"""

# Entries by their places; 0 is the one that is fetched next from a list, or the earliest of a sorted set.
# ARGV: list or zset; the first place; how many; up to which size an entry is returned whole; how much of each end of a
# larger one; how many are read at a time; after how many bytes to stop. The reply has for each entry its pieces, and its
# score.
ENTRIES = f"""{_PIECES}
local place, last, answer, used = tonumber(ARGV[2]), ARGV[2] + ARGV[3], {{}}, 0
local whole, ends, step, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
while place < last and used < most do
    local count, found = math.min(step, last - place), nil
    if ARGV[1] == 'list' then
        found = redis.call('LRANGE', KEYS[1], -place - count, -place - 1)
        for i = #found, 1, -1 do
            used = used + pieces(answer, found[i], whole, ends)
            answer[#answer + 1] = '0'
        end
        if #found < count then break end
    else
        found = redis.call('ZRANGE', KEYS[1], place, place + count - 1, 'WITHSCORES')
        for i = 1, #found, 2 do
            used = used + pieces(answer, found[i], whole, ends)
            answer[#answer + 1] = found[i + 1]
        end
        if #found < 2 * count then break end
    end
    place = place + count
end
return answer
"""

# Entries that contain a text. ARGV: list, zset or, for the latest first, latest; the first place; how many to look at;
# whole, ends and most as above; the text, in small letters, in one or more spellings. The reply: the place after the last
# one that was looked at; then for each that contains it its place, its pieces, and its score.
SEARCH = f"""{_PIECES}
local place, last, answer, used = tonumber(ARGV[2]), ARGV[2] + ARGV[3], {{0}}, 0
local whole, ends, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local function look(at, entry, score)
    local small = string.lower(entry)
    for i = 7, #ARGV do
        if string.find(small, ARGV[i], 1, true) then
            answer[#answer + 1] = at
            used = used + pieces(answer, entry, whole, ends)
            answer[#answer + 1] = score
            return
        end
    end
end
while place < last and used < most do
    local count, found = math.min(100, last - place), nil
    if ARGV[1] == 'list' then
        found = redis.call('LRANGE', KEYS[1], -place - count, -place - 1)
        for i = #found, 1, -1 do look(place + #found - i, found[i], '0') end
    else
        local range = ARGV[1] == 'latest' and 'ZREVRANGE' or 'ZRANGE'
        found = redis.call(range, KEYS[1], place, place + count - 1, 'WITHSCORES')
        for i = 1, #found, 2 do look(place + (i - 1) / 2, found[i], found[i + 1]) end
    end
    place = place + count
    if #found == 0 then break end
end
answer[1] = place
return answer
"""

# Entries of a sorted set by their scores. ARGV: whole, ends and most as above; then for each search: score, offset, how
# many. The reply has for each entry the number of its search, its pieces, and its offset.
AT_SCORES = f"""{_PIECES}
local answer, used = {{}}, 0
for i = 4, #ARGV, 3 do
    local offset, last = tonumber(ARGV[i + 1]), ARGV[i + 1] + ARGV[i + 2]
    while offset < last and used < tonumber(ARGV[3]) do
        local count = math.min(500, last - offset)
        local found = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[i], ARGV[i], 'LIMIT', offset, count)
        for j = 1, #found do
            answer[#answer + 1] = (i - 4) / 3
            used = used + pieces(answer, found[j], tonumber(ARGV[1]), tonumber(ARGV[2]))
            answer[#answer + 1] = offset + j - 1
        end
        if #found < count then break end
        offset = offset + count
    end
end
return answer
"""

# The lowest score of some sorted sets. KEYS: the sets. The reply: for each its lowest score, or nothing if it has none.
EARLIEST = """
local answer = {}
for i = 1, #KEYS do answer[i] = redis.pcall('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2] or '' end
return answer
"""

# How many queues there are, how many jobs wait in all of them, and some of them by name. KEYS: the set `queues`.
# ARGV: the first queue; how many; up to which size the next job of each is returned. The reply: queues, jobs, then for each
# queue its name, its length (-1 if its key is of another type), and its next job.
QUEUES = """
local names, jobs = redis.pcall('SMEMBERS', KEYS[1]), 0
if names['err'] then names = {} end
table.sort(names)
local answer, first = {#names, 0}, tonumber(ARGV[1])
for i = 1, #names do
    local key = 'queue:' .. names[i]
    local length = redis.pcall('LLEN', key)
    if type(length) ~= 'number' then length = -1 end
    jobs = jobs + math.max(length, 0)
    if i > first and i <= first + ARGV[2] then
        local entry = length > 0 and redis.call('LINDEX', key, -1) or ''
        if #entry > tonumber(ARGV[3]) then entry = '' end
        answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = names[i], length, entry
    end
end
answer[2] = jobs
return answer
"""

# What every process has told about itself. KEYS: the set `processes`. ARGV: the longest value; the fields. The reply
# has for each process its name there, and the values.
PROCESSES = """
local names, answer = redis.pcall('SMEMBERS', KEYS[1]), {}
if names['err'] then names = {} end
table.sort(names)
for i = 1, #names do
    local told = {names[i]}
    for j = 2, #ARGV do
        local value = redis.pcall('HGET', names[i], ARGV[j])
        if type(value) ~= 'string' or #value > tonumber(ARGV[1]) then value = '' end
        told[j] = value
    end
    if told[2] ~= '' then answer[#answer + 1] = told end
end
return answer
"""

# What the threads of some processes are doing. KEYS: hashes. ARGV: how many threads of each; the longest value. The reply
# has for each hash a list of threads, each followed by what it is doing, or by nothing if that is too long.
WORK = """
local answer = {}
for i = 1, #KEYS do
    local threads, work = redis.pcall('HKEYS', KEYS[i]), {}
    if threads['err'] then threads = {} end
    for j = 1, math.min(#threads, tonumber(ARGV[1])) do
        local short = redis.call('HSTRLEN', KEYS[i], threads[j]) <= tonumber(ARGV[2])
        work[#work + 1] = threads[j]
        work[#work + 1] = short and redis.call('HGET', KEYS[i], threads[j]) or ''
    end
    answer[i] = work
end
return answer
"""

# Move jobs from a sorted set to their queues, or to `dead`. Each is removed last, and only if it was there: see
# `scheduled.ENQUEUE`, which does it for one. KEYS: the sorted set, `queues`, `dead`. ARGV: for each job its entry there,
# what it becomes, and the name of a queue after "queue:", or after "dead:" a score. The reply: how many were moved to
# queues, how many to `dead`, and how many are still there because another key is of another type.
MOVE = """
local queued, buried, stuck = 0, 0, 0
redis.call('PERSIST', KEYS[1])
for i = 1, #ARGV, 3 do
    if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
        local added, dead = nil, string.sub(ARGV[i + 2], 1, 5) == 'dead:'
        if dead then
            added = redis.pcall('ZADD', KEYS[3], string.sub(ARGV[i + 2], 6), ARGV[i + 1])
        else
            added = redis.pcall('SADD', KEYS[2], string.sub(ARGV[i + 2], 7))
            if type(added) == 'number' then added = redis.pcall('LPUSH', ARGV[i + 2], ARGV[i + 1]) end
        end
        if type(added) == 'number' then
            redis.call('ZREM', KEYS[1], ARGV[i])
            if dead then buried = buried + 1 else queued = queued + 1 end
        elseif string.find(tostring(added['err']), 'WRONGTYPE', 1, true) then
            stuck = stuck + 1
        else
            return added
        end
    end
end
return {queued, buried, stuck}
"""

# Delete entries of a list, from the end at which jobs are fetched. ARGV: the entries. The reply: how many were there.
DELETE = """
local gone = 0
for i = 1, #ARGV do gone = gone + redis.call('LREM', KEYS[1], -1, ARGV[i]) end
return gone
"""

# The same by their places, for many: each is overwritten, and all that were are removed at once. ARGV: a text that no entry
# is; then for each its place and the entry, without which nothing is done.
DELETE_AT = """
local gone = 0
for i = 2, #ARGV, 2 do
    if redis.call('LINDEX', KEYS[1], -1 - ARGV[i]) == ARGV[i + 1] then
        redis.call('LSET', KEYS[1], -1 - ARGV[i], ARGV[1])
        gone = gone + 1
    end
end
if gone > 0 then redis.call('LREM', KEYS[1], 0, ARGV[1]) end
return gone
"""

# Leave a signal for many processes: see `overview.Process`. KEYS: their lists of signals. ARGV: the signal, and the seconds
# after which it expires.
SIGNAL = """
for i = 1, #KEYS do
    redis.call('LPUSH', KEYS[i], ARGV[1])
    redis.call('EXPIRE', KEYS[i], ARGV[2])
end
return #KEYS
"""


def run(redis: Redis, script: str, keys: list[Any], *args: Any) -> Any:
    """Run one of these scripts. Raises what redis-py raises: ResponseError if the key is of another type."""
    return redis.register_script(script)(keys=keys, args=list(args))
