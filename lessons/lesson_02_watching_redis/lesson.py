# %% [markdown]
# # 2 · Watching Redis
#
# **What is in Redis at each step of a job?**
#
# 20 minutes. Before this: [1 · The wait](01_the_wait.ipynb).
#
# At the end you can say where a job is at every moment of its life, what is written in it and what is not, and which
# commands moved it there.
#
# [Contents](../lessons/README.md) · Previous: [1 · The wait](01_the_wait.ipynb) · Next: [3 · Retries](03_retries.ipynb)

# %% [markdown]
# In lesson 1 you pushed a job, and then you ran it. Now you follow one job slowly. After each step you look into Redis.
#
# The author of the post behind these lessons did it with `redis-cli`, a program that comes with Redis, in a second terminal:
#
# ```
# redis-cli monitor | grep -E "(hset|lpush)"
# ```
#
# `monitor` prints every command that Redis receives, and there are many. `grep` keeps two kinds of line: `lpush`, which
# puts a job into a queue, and `hset`, with which a worker process says what it is doing. Here, `commands("hset|lpush")` is
# the same filter, and you need no second terminal. Redis does not care whether you write `LPUSH` or `lpush`.

# %%
from lessons.kit import Table, commands, keys, predict, start, where
from minijobs import Worker

redis = start()

# %%
class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        print(f"mailing {thought!r} to {email}")

# %% [markdown]
# This time `perform` only prints. Five seconds of waiting would teach you nothing new. (The arguments below, "flip" and
# "flop", are the post's.)
#
# ## Step 1: push

# %% tags=["hide-input"]
twice = predict(
    "You push twice, with the very same arguments. What is in Redis?",
    a="One job: the second push is the same as the first.",
    b="Two jobs with the same id.",
    c="Two jobs, each with an id of its own.",
    guess=None,
)
twice

# %%
jid = SendGifToUserWorker.perform_async("flip", "flop")
other = SendGifToUserWorker.perform_async("flip", "flop")
jid, other

# %% tags=["hide-input"]
twice.answer(
    f"queue:default holds {redis.llen('queue:default')} jobs",
    a=redis.llen("queue:default") == 1,
    b=redis.llen("queue:default") == 2 and jid == other,
    c=redis.llen("queue:default") == 2 and jid != other,
)

# %% [markdown]
# Nothing was merged. Two pushes are two jobs.
#
# Here are the commands that were sent, filtered and formatted for easier reading, as in the post: a job is spread over
# several lines, and its field names have no quotes.

# %%
told_push = commands()
told_push.only("hset|lpush", unfold=True)

# %%
keys()

# %% [markdown]
# Two keys. `queue:default` is a list, and new jobs enter it at the left (that is the L in LPUSH), so the newest is first.
# `queues` is a set: the names of all queues there are, so that a person or a web page can list them.
#
# ### What a job is made of
#
# This is the oldest entry, exactly as Redis holds it. (`lindex` reads one entry of a list; `-1` is the last one. In the
# names of most commands, L stands for *list*. The `b` says that these are bytes: Redis keeps nothing else.)

# %%
raw = redis.lindex("queue:default", -1)
raw

# %% [markdown]
# Text, in the format called JSON: the name of a class, a list of arguments, some notes, such as when it was pushed
# (`created_at`, `enqueued_at`). There is no Python object in it, and no code. So what happens if you change the class
# *after* the push? Try it:

# %%
class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        print(f"NEW CODE: mailing {thought!r} to {email}")

# %% [markdown]
# Both jobs were pushed when the class was still the old one. Keep that in mind until one of them runs.
#
# ### What fits into a job
#
# The next job goes to a queue of its own, `cards`, so that the two above stay by themselves: `set(queue=…)` chooses the queue
# for one push.

# %% tags=["hide-input"]
later = predict(
    "You push a dict that says hello, then change it. What is in Redis?",
    a="hello: the job was written down at the push.",
    b="goodbye: the job refers to the dict, and that has changed.",
    guess=None,
)
later

# %%
card = {"text": "hello"}
SendGifToUserWorker.set(queue="cards").perform_async("bo@example.com", card)
card["text"] = "goodbye"

keys()

# %% tags=["hide-input"]
import json

args = json.loads(redis.lindex("queue:cards", 0))["args"]
later.answer(
    f"the job's args are {args}, and the dict is {card}",
    a=args[1] == {"text": "hello"},
    b=args[1] == card,
)

# %% [markdown]
# The dict went in as text. What you do to the dict later does not change the job. The `~` before `queues` says that it is
# not new, but has changed.
#
# So only things that JSON can write down fit into a job: text, numbers, `True`, `False`, `None`, lists, and dicts whose keys
# are text. What happens to the rest? The next two cells try it. Each of them raises: read the last line.

# %% tags=["raises-exception"]
import datetime

day = datetime.date(2026, 11, 23)
SendGifToUserWorker.perform_async("ada@example.com", day)

# %% tags=["raises-exception"]
class User:
    email = "ada@example.com"

SendGifToUserWorker.perform_async(User(), "hello")

# %%
keys()

# %% [markdown]
# Refused, on the spot, with the argument and its type in the message. Nothing was pushed: no `+` anywhere. Pass the user's id
# instead, and look the user up in `perform`.
#
# ## Step 2: fetch
#
# From here on you are the worker process. Before it can run a job, it has to get hold of one. This is called *fetching*.
# (Below, `where(jid)` names the key that holds the job, and `unit` is the fetched job, with its queue.)

# %% tags=["hide-input"]
running = predict(
    "A worker process has fetched a job. Where is the job now?",
    a="Still in its queue. It leaves the queue when it is done.",
    b="In Redis, but in another place.",
    c="Nowhere in Redis, only in the memory of the worker process.",
    guess=None,
)
running

# %%
from minijobs import Fetcher, Heartbeat, Processor

processor = Processor(Fetcher("default"))
pushed_to = where(jid)
unit = processor.fetcher.fetch()
told_fetch = commands()
fetched_to = where(jid)
keys()

# %% tags=["hide-input"]
running.answer(
    f"the key that holds the job begins with {fetched_to[:9]}",
    a=unit.raw in redis.lrange("queue:default", 0, -1),
    b=where(jid).startswith("inflight:"),
    c=where(jid) == "nowhere",
)

# %% [markdown]
# `queue:default` changed: it lost an entry, marked with `-`. It is the one that was pushed first. The job is now in a list
# that belongs to this worker process alone. Such a job is *in flight*. The name of the list has three parts: `inflight`, the
# *identity* of the process, and after the `|` the queue that the job came from. The identity is the name of the machine, the
# number of the process, and twelve random hexadecimal digits, so that no two are ever the same.
#
# Of the commands that were sent, this one moved the job:

# %%
told_fetch.only("lmove")

# %% [markdown]
# `LMOVE` takes an entry out of one list and puts it into another, in a single step: here, from the right end of the queue
# to the left end of the other list. There is no moment at which the job is in neither of them. So Redis holds it the whole
# time, and the set `inflight` says in which list. (If you guessed b: that is how Sidekiq's free version does it. There, a
# command takes the job out of Redis, and only the process has it.)
#
# ## Step 3: run
#
# Nobody can look into another process. So every few seconds, each worker process writes down in Redis what it is doing.
# That is its *heartbeat*. Usually a second thread sends it. Here the job sends it itself, in the middle of its own run
# (`heartbeat.beat()`), and notes what Redis holds at that moment. This is the new class once more, with these two lines
# added:

# %%
heartbeat = Heartbeat(processor)
during = {}

class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        print(f"NEW CODE: mailing {thought!r} to {email}")
        heartbeat.beat()
        during.update(keys=keys(), told=commands(), where=where(jid))

# %%
outcome = processor.run(unit)
outcome.name

# %% [markdown]
# NEW CODE: the job was pushed before that code was written, and the new code ran all the same. A job names its class, and
# the name is looked up when the job runs, among the classes that the worker process knows. (Here you defined the new class
# in that very process. A worker process elsewhere knows what it loaded when it started. So after a change it must be
# started again.)
#
# And what did Redis hold in the middle of it? Three keys are new:
#
# - `processes`, a set: the identities of all worker processes.
# - the identity itself, a *hash*, that is, a key with named fields. The process describes itself there. Look for `busy`, how
#   many jobs it is running, and for `queues`, inside `info`. (Most of the rest is for the dashboard, a web page about all
#   processes.) This key *expires*, that is, Redis deletes it after 20 seconds, unless the process beats again.
# - the identity followed by `:work`, a hash: what each thread was running at that moment. The job is quoted in it, as text.

# %%
during["keys"]

# %% [markdown]
# This is the `hset` that the post's author saw pass by, beside the `lpush` of the push:

# %%
during["told"].only("hset .*:work", unfold=True)

# %% [markdown]
# ## Step 4: settle
#
# The job has run, but Redis does not know yet: look above, it is still in flight. The last step is to *settle* it, that is,
# to tell Redis what became of it. This one is done. To settle a job that is done is called to *acknowledge* it:

# %%
processor.settle(unit, outcome)
told_settle = commands()
told_settle

# %%
keys()

# %% [markdown]
# `LREM` removes an entry from a list. The in-flight list was left empty, so it is gone. (The other job still waits in its
# queue: nobody fetched it.)
#
# ## The whole life of a job, in one table

# %%
name = processor.fetcher.identity

def row(step, place, told):
    about_it = told.only(f"{jid}|lmove").names()
    return [step, place.replace(name, "IDENTITY"), about_it]

# %%
Table(
    ["step", "the job is in", "command"],
    [
        row("pushed", pushed_to, told_push),
        row("fetched", fetched_to, told_fetch),
        row("running", during["where"], during["told"]),
        row("settled", where(jid), told_settle),
    ],
)

# %% [markdown]
# At every moment it was in one place, until it was done. (The heartbeat quoted it as well, under `IDENTITY:work`. That is
# for people who want to look. Nobody takes jobs from there, and the next heartbeat overwrites it. If no heartbeat falls into
# a run, the job is not quoted at all.)
#
# Usually one call, `process_one()`, does steps 2 to 4. And usually you see only what the worker process prints, its *log*.
# Here is the log of the second job:

# %%
import sys

from minijobs import log

log.show(sys.stdout)
processor.process_one().name

# %% [markdown]
# From left to right: the time, the number of the process, the thread (`TID-…`), the Worker, the job id, how important the
# line is (`INFO`, `WARNING`), and what happened. With the jid you find every line about one job among the hundreds of
# thousands of a day.
#
# ## What if the process dies?
#
# Say that a worker process fetches a job and dies before it has run. Play one that does: it fetches, and is never heard of
# again.

# %%
third = SendGifToUserWorker.perform_async("ada@example.com", "third")

gone = Fetcher("default")
gone.fetch()
where(third).replace(gone.identity, "IDENTITY")

# %% [markdown]
# The job is in the in-flight list of a process that has no heartbeat. (This one never had one. If a process had been running
# for a while, its last heartbeat would have to expire before.) Somebody has to look for such lists. `rescue_orphans()` does.
# (In every worker process, a thread calls it now and then.)

# %%
from minijobs import rescue_orphans

rescue_orphans(), where(third)

# %% [markdown]
# It returns how many jobs it has *rescued*. The job is in its queue again, and another process will run it. That is what the
# in-flight list is for.
#
# ## None of this happens in a plain call

# %%
class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        print(f"mailing {thought!r} to {email}, my job is {self.jid}")

commands()  # forget what was sent so far
SendGifToUserWorker().perform("ada@example.com", "directly")
commands()

# %% [markdown]
# No push, no move, no acknowledgement, no log line. And no job id, because there is no job.
#
# ## Change something
#
# `perform_bulk` pushes many jobs at once. How many commands does that take?

# %%
def push_many(count):
    rows = [["ada@example.com", number] for number in range(count)]
    SendGifToUserWorker.set(queue="many").perform_bulk(rows)
    return commands().names()

# %%
push_many(100)

# %%
push_many(1_001), redis.llen("queue:many")

# %% [markdown]
# One `LPUSH` takes many jobs. For 1,001, a second one was needed. Change the number, and find out how many fit into one.
# (In the terminal, type `p` for a Python prompt, and call `push_many` there. `redis.lrange("queue:many", 0, 2)` shows a few
# of them.)

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | A running job is still in its queue. | After the fetch it was in the in-flight list of its process. The queue had lost it. |
# | A job is an object, or holds code. | It was text, with the name of a class. It ran code that was written after the push. |
# | Any argument will do. | A date and a User were refused, and nothing was pushed. |
# | If I change an object later, the job changes. | The job said hello, the dict said goodbye. |
# | Two equal pushes become one job. | Two ids, two entries, two runs. |
#
# ## To keep
#
# 1. A job is a line of JSON: the name of a class, arguments, an id. The class is looked up when the job runs.
# 2. It is pushed to a queue, moved to an in-flight list, and removed from there when it is settled. Until then it is always
#    in one of the two.
# 3. `LPUSH` is a job that comes in; `HSET` is a worker process saying what it is doing.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *JSON*, *fetch*, *in flight*, *identity*,
# *heartbeat*, *hash*, *settle*, *acknowledge*, *log*, *rescue*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_02_watching_redis/exercise.py](../lessons/lesson_02_watching_redis/exercise.py). It pushes a user and
# a date, and neither gets through. Make it work, even if the user's address changes while the job waits.

# %% [markdown] tags=["terminal-only"]
# Then run `make check-2`. `make hint-2` and `make try-2` are there, too.
#
# [Contents](../lessons/README.md) · Previous: [1 · The wait](01_the_wait.ipynb) · Next: [3 · Retries](03_retries.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save it, and run the next cell. `hint(2)` is there, too, and `make try-2` in a terminal.
#
# [Contents](../lessons/README.md) · Previous: [1 · The wait](01_the_wait.ipynb) · Next: [3 · Retries](03_retries.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(2)
