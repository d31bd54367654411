"""Counts the jobs of a queue or a sorted set by class and by error, all of them, in a bounded number of commands.

Redis counts, some thousands in one step, and returns only numbers.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ..api import JobSet, Queue
from . import entries, scripts, searching
from .searching import Search

STEPS = 25  # of one request, each over twice as many jobs as one of a search

# How many entries there are of each class and error. ARGV: list or zset; the first place; how many; up to which size an
# entry is looked at; after how many bytes to stop. The reply: the place after the last one that was looked at; then for
# each pair that occurs its class, its error, and how many; what is no text is empty.
TALLY = """
local place, last, numbers, answer, used = tonumber(ARGV[2]), ARGV[2] + ARGV[3], {}, {0}, 0
local function text(value) return type(value) == 'string' and value or '' end
while place < last and used < tonumber(ARGV[5]) do
    local to, found = math.min(place + 100, last) - 1, nil
    if ARGV[1] == 'list' then
        found = redis.call('LRANGE', KEYS[1], -to - 1, -place - 1)
    else
        found = redis.call('ZRANGE', KEYS[1], place, to)
    end
    for i = 1, #found do
        local read, job = false, nil
        if #found[i] <= tonumber(ARGV[4]) then
            used, read, job = used + #found[i], pcall(cjson.decode, found[i])
        end
        if read and type(job) == 'table' then
            local class, error = text(job['class']), text(job['error_class'])
            if not numbers[class] then numbers[class] = {} end
            numbers[class][error] = (numbers[class][error] or 0) + 1
        end
    end
    place = to + 1
    if #found == 0 then break end
end
for class, errors in pairs(numbers) do
    for error, number in pairs(errors) do
        answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = class, error, number
    end
end
answer[1] = place
return answer
"""


class Tally(NamedTuple):
    """How many jobs there are of each class and error, among the first `seen` of `size`."""

    pairs: Counter[tuple[str, str]]
    seen: int
    size: int

    def of(self, field: str) -> list[tuple[str, int]]:
        """The most frequent values of "class" or "error_class", and how frequent each is."""
        place = ("class", "error_class").index(field)
        single: Counter[str] = Counter()
        for pair, number in self.pairs.items():
            single[pair[place]] += number
        return searching.most_frequent(single)

    def matching(self, wanted: Search) -> int:
        """How many are of this class and have this error; what is empty is any."""
        asked = (wanted.kind, wanted.error)
        return sum(
            number
            for pair, number in self.pairs.items()
            if all(word in ("", value) for word, value in zip(asked, pair, strict=True))
        )


def tally(of: Queue | JobSet) -> Tally:
    """Count all jobs, or as many as one request may look at. What is too large for a list is left out."""
    size, seen, pairs = len(of), 0, Counter[tuple[str, str]]()
    kind, step = "list" if isinstance(of, Queue) else "zset", 2 * searching.STEP
    for _ in range(STEPS):
        if seen >= size:
            break
        seen, *numbers = scripts.run(of.redis, TALLY, [of.key], kind, seen, step, entries.WHOLE, searching.MOST_BYTES)
        flat = iter(numbers)
        for name, error, number in zip(flat, flat, flat, strict=True):
            pairs[name.decode(errors="replace"), error.decode(errors="replace")] += number
    return Tally(pairs, min(seen, size), size)


def count(of: Queue | JobSet, wanted: Search) -> tuple[int, bool]:
    """How many jobs match, and whether all were looked at."""
    if wanted.text:
        return searching.count(of, wanted)
    found = tally(of)
    return found.matching(wanted), found.seen >= found.size
