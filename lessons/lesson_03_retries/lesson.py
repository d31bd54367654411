# %% [markdown]
# # 3 · Retries
#
# **Why did my job not run again?**
#
# 20 minutes. Before this: [2 · Watching Redis](02_watching_redis.ipynb).
#
# At the end you can say which failures are tried again and which are not, when, and by whom. And you will have found the
# bug that the post behind these lessons is about.
#
# [Contents](../lessons/README.md) · Previous: [2 · Watching Redis](02_watching_redis.ipynb) · Next: [4 · The morgue](04_the_morgue.ipynb)

# %% [markdown]
# Mail servers are busy now and then. They answer *451, try again later*, and the mail is not sent. `send_gif` then raises an
# exception. The inbox of this lesson can do that on demand: `inbox.refuse(1)` refuses the next mail.
#
# You have heard that background jobs are tried again when they fail. This is called a *retry*. Let us see who does it, and
# when. (`seconds=0`: in this lesson a mail takes no time. Some cells raise an exception. They are meant to.)

# %%
from lessons.kit import Table, catch_mail, clock, commands, keys
from lessons.kit import predict, send_gif, start, timeline
from minijobs import Fetcher, Processor, Worker

redis = start()
inbox = catch_mail()

# %%
class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        print(f"trying to mail {thought!r}, my job is {self.jid}")
        send_gif(email, thought, seconds=0)

# %% [markdown]
# ## The call fails: directly

# %% tags=["hide-input"]
first = predict(
    "perform(…) was called directly, and failed. What does Redis hold?",
    a="Nothing at all.",
    b="A job that will be tried again.",
    c="A job that is marked as failed.",
    guess=None,
)
first

# %% tags=["raises-exception"]
inbox.refuse(1)

with clock("perform"):
    SendGifToUserWorker().perform("ada@example.com", "directly")

# %%
keys()

# %%
def held():
    names = sorted(map(bytes.decode, redis.keys()))
    return ", ".join(names) or "nothing"

told_directly, held_directly = commands(), held()
told_directly

# %% tags=["hide-input"]
first.answer(
    f"Redis holds {len(redis.keys())} keys",
    a=len(redis.keys()) == 0,
    b=redis.exists("retry") == 1 or redis.exists("queue:default") == 1,
    c=redis.exists("dead") == 1,
)

# %% [markdown]
# You got the exception, and that was all. Nothing is written down anywhere. The mail server will be fine again in a minute,
# but nobody knows that there was a mail to send.
#
# ## The same call fails: queued
#
# From here on, you see the log of the worker process.

# %% tags=["hide-input"]
second = predict(
    "A job has run, and failed. Where is it now?",
    a="Nowhere: it has had its chance.",
    b="In a place of its own, to be run again at a later moment.",
    c="In queue:default again, to be run again at once.",
    guess=None,
)
second

# %%
import sys

from minijobs import log

log.show(sys.stdout)
processor = Processor(Fetcher("default"))

inbox.refuse(1)
jid = SendGifToUserWorker.perform_async("ada@example.com", "queued")
processor.process_one().name

# %% [markdown]
# This time no exception reached you. It got no further than the worker process, which wrote it into its log. And Redis?

# %%
keys()

# %% tags=["hide-input"]
second.answer(
    f"retry holds {redis.zcard('retry')} job, for a later moment",
    a=len(redis.zrange("retry", 0, -1) + redis.keys("queue:*")) == 0,
    b=redis.zcard("retry") == 1,
    c=redis.exists("queue:default") == 1,
)

# %% [markdown]
# There is a new key, `retry`. It is a *sorted set*: its members are sorted by a number, the *score*. Here the score is a
# moment, in seconds since 1970, as computers count time. It is in the future.
#
# Look at what is written in the job. `args` and `jid` are as before. `error_class` and `error_message` say what went wrong,
# `failed_at` says when. `retry_count` is 0 after the first failure, and one more after each retry that fails.

# %%
told_queued = commands()
told_queued.only("evalsha")

# %% [markdown]
# `EVALSHA` runs a *script*: a short program that was sent to Redis before, and that Redis knows by a long number. While a
# script runs, Redis does nothing else, so all of it is one step. Here is what this one says:

# %%
from minijobs.scripts import SETTLE

print(SETTLE.strip())

# %% [markdown]
# (`KEYS` and `ARGV` are the words that were sent along.) `LPOS` checks whether the job is in the in-flight list. If it is,
# `ZADD` puts it into `retry`, and then `LREM` takes it out of the list. The order matters if Redis refuses one of the two:
# nothing undoes the other. So the job may be in both places, but never in neither.
#
# ## Side by side
#
# The same class, the same mail server, the same failure:

# %%
Table(
    ["", "perform", "perform_async"],
    [
        ["sent to Redis", told_directly.names(),
         told_queued.only("lpush|evalsha").names()],
        ["what Redis holds", held_directly, held()],
    ],
)

# %% [markdown]
# **Retries happen only through the queue.** After a direct call there is no job that could be tried again.
#
# ## When is the next try?
#
# The log and the score say it: in about 20 seconds. A mail server that was busy a moment ago is probably still busy.

# %% tags=["hide-input"]
when = predict(
    "A job's tenth retry has failed as well. How long is the next wait?",
    a="About 20 seconds again.",
    b="A few minutes.",
    c="Nearly three hours.",
    guess=None,
)
when

# %%
from minijobs.retry import delay

def waits(count):
    some = [delay(count) for _ in range(20_000)]
    return [count, f"{min(some):,.0f}", f"{max(some):,.0f}"]

Table(
    ["retry_count", "at least (s)", "at most (s)"],
    [waits(count) for count in (0, 1, 2, 5, 10, 24)],
)

# %% tags=["hide-input"]
hours = delay(10) / 3600
when.answer(
    f"retry_count is 10 by then, and the wait {hours:.1f} hours",
    a=hours < 0.01,
    b=0.01 <= hours < 1,
    c=2.5 < hours < 3,
)

# %% [markdown]
# The rule is `retry_count**4 + 15` seconds, plus a few more at random, so that a thousand jobs that failed together do not
# all come back together. A job has 25 retries unless its class says otherwise. How long does it take until all are used up?

# %%
days = sum(count**4 + 15 for count in range(25)) / (24 * 60 * 60)
f"25 retries take at least {days:.1f} days"

# %% [markdown]
# Three weeks: time enough to notice that something is wrong, to fix it and to restart the worker process. It is Sidekiq's
# rule, too.
#
# ## Who starts the next try?
#
# Nobody wants to wait for 20 seconds now. So move the moment into the past, to one second ago. The job is *due* now.
# (`zrange` reads the members of a sorted set, `zadd` sets the score of one.)

# %%
import time

for entry in redis.zrange("retry", 0, -1):
    redis.zadd("retry", {entry: time.time() - 1})

# %% tags=["hide-input"]
third = predict(
    "You call processor.process_one() now. What does it find?",
    a="Nothing.",
    b="The job: its moment has come.",
    guess=None,
)
third

# %%
found = processor.process_one()
print(found)

# %% tags=["hide-input"]
third.answer(
    f"process_one() returned {found}",
    a=found is None,
    b=found is not None,
)

# %%
keys()

# %% [markdown]
# Nothing happened. The job is still in `retry`, and `process_one` takes jobs from queues only. A job does not move just
# because its moment has passed. Somebody has to look, and move what is due back to its queue. That is the **poller**,
# another part of a worker process. Here you are the poller, once. (Near the end of this lesson, a real one does it.)

# %%
from minijobs import poll

poll()

# %%
keys()

# %% [markdown]
# Now it is in `queue:default` again. One thing is worth checking. Is this the job that failed, or a new one in its place?

# %%
from minijobs import Queue

[(job.jid == jid, job["retry_count"]) for job in Queue("default")]

# %% [markdown]
# The same id, with its history in it. A retry is another run of the same job. So you find all its runs under one jid in the
# log. Run it:

# %%
processor.process_one().name

# %%
inbox

# %%
timeline()

# %% [markdown]
# The mail is there. The picture has all of it: the direct call and its refusal, the first run and its refusal, the second run
# and the mail. After the direct call there was nobody to try again.
#
# So far, this worker process has done two runs, and one of them failed. (The direct call was not its business.) It counts
# its runs and its failures, and its next heartbeat writes both numbers to Redis, as `stat:processed` and `stat:failed`.
# `Stats()` reads them:

# %%
from minijobs import Heartbeat, Stats

heartbeat = Heartbeat(processor)
heartbeat.beat()
before = ["so far", Stats().processed, Stats().failed]
keys("stat")

# %% [markdown]
# ## Somebody catches the exception
#
# Exceptions look bad in a log. Somebody tidies up:

# %%
import smtplib

class QuietWorker(Worker):
    def perform(self, email, thought):
        try:
            send_gif(email, thought, seconds=0)
        except smtplib.SMTPException as error:
            print(f"could not mail {thought!r}: {error}")

# %% tags=["hide-input"]
quiet = predict(
    "The mail is refused, and perform catches the exception. The job …",
    a="is tried again: the mail was not sent.",
    b="counts as done.",
    c="is kept as failed.",
    guess=None,
)
quiet

# %%
inbox.refuse(1)
QuietWorker.perform_async("ada@example.com", "quietly")
outcome = processor.process_one()
outcome.name

# %% tags=["hide-input"]
quiet.answer(
    f"the run is {outcome.name}, retry holds {redis.zcard('retry')} jobs",
    a=redis.exists("retry") == 1,
    b=outcome.name == "done" and redis.zcard("retry") == 0,
    c=redis.exists("dead") == 1,
)

# %% [markdown]
# The log says `done`. And the numbers?

# %%
heartbeat.beat()
after = ["after it", Stats().processed, Stats().failed]
Table(["", "processed", "failed"], [before, after])

# %%
redis.exists("retry"), redis.exists("dead")

# %%
inbox

# %% [markdown]
# One more run was processed, and no more have failed. There is no key `retry`, and no key `dead`, which would hold jobs
# that were given up. And there is no new mail in the inbox. Every number looks good, and the mail is lost.
#
# The exception *is* the message that something failed. No exception, no retry. If you want to write something down, catch
# the exception, and raise it again:

# %%
class LoggingWorker(Worker):
    def perform(self, email, thought):
        try:
            send_gif(email, thought, seconds=0)
        except smtplib.SMTPException as error:
            print(f"could not mail {thought!r}: {error}")
            raise

# %%
inbox.refuse(1)
LoggingWorker.perform_async("ada@example.com", "logged")
processor.process_one().name, redis.zcard("retry")

# %% [markdown]
# It is written down, and it will be tried again. (Here it is deleted, so that it stays out of what follows.)

# %%
redis.delete("retry")

# %% [markdown]
# ## The bug
#
# Now back to the author of the post. One of their jobs was not run again after a failure, a timeout at another service.
# They improved the Worker, logged more, caught the timeout. Still the job was not run again. Then a colleague saw how the
# Worker was called:
#
# ```python
# SomeWorker().perform(…)
# ```
#
# Perhaps somebody had wanted it to happen at once, and had not expected it to fail.
#
# Try all four combinations: a Worker that lets its exception out and one that catches it, each called directly and through
# the queue. Each time, the mail server refuses once.

# %%
def jobs_to_retry_after(call):
    waiting = redis.zcard("retry")
    inbox.refuse(1)
    try:
        call("ada@example.com", "hello")
    except smtplib.SMTPException:
        print("you got the exception")
    processor.process_one()
    return redis.zcard("retry") - waiting

# %%
jobs = {}
for worker in (SendGifToUserWorker, QuietWorker):
    for call in (worker().perform, worker.perform_async):
        print(f"--- {worker.__name__}, {call.__name__}")
        jobs[worker, call.__name__] = jobs_to_retry_after(call)

# %%
def row(label, worker):
    return [label, jobs[worker, "perform"], jobs[worker, "perform_async"]]

Table(["jobs to retry", "perform", "perform_async"], [
    row("exception let out", SendGifToUserWorker),
    row("exception caught", QuietWorker),
])

# %% [markdown]
# Two mistakes, and each is enough. In the left column, nothing that you do inside the Worker helps: there is no job that
# could be tried again. In the lower row, even a job does not help: its run counts as done.
#
# Four mails were refused once each. The next cell makes due what is left, and you count what arrives. You poll
# nothing, and run nothing. `Server` does everything that a worker process does, poller included, each part in a thread of
# its own. It runs until it is stopped. (Usually its poller looks every few seconds. With `poll=0.1` it looks every tenth of a
# second.) `wait_until` returns when no job waits any more, and none is in flight.

# %%
import threading

from lessons.kit import wait_until
from minijobs import Server

for entry in redis.zrange("retry", 0, -1):
    redis.zadd("retry", {entry: time.time() - 1})

def nothing_left():
    waits = redis.exists("retry", "queue:default")
    return not waits and not redis.keys("inflight:*")

# %%
server = Server(concurrency=1, poll=0.1)
running = threading.Thread(target=server.run)
running.start()
try:
    wait_until(nothing_left)
finally:  # also if you interrupt this
    server.stop()
    running.join()

# %%
inbox

# %% [markdown]
# The poller found the job by itself, and a thread ran it. One *hello* out of four.
#
# ## Change something
#
# How often a job is tried again is up to its class:

# %%
class StubbornWorker(Worker):
    retry = 2

    def perform(self):
        raise ConnectionError("nobody answers")

# %%
def runs():
    names = []
    while outcome := processor.process_one():
        names.append(outcome.name)
        poll(now=time.time() + 24 * 60 * 60)  # as if a day had passed
    return names

# %%
StubbornWorker.perform_async()
runs()

# %%
keys("retry|dead")

# %% [markdown]
# `retry = 2` is one run and two retries. After the last one the job went to `dead`, another sorted set, where a person can look
# at it. `set` changes an option for one push. What do 0 and `False` do?

# %%
dead = redis.zcard("dead")

StubbornWorker.set(retry=0).perform_async()
runs(), redis.zcard("dead") - dead

# %%
dead = redis.zcard("dead")

StubbornWorker.set(retry=False).perform_async()
runs(), redis.zcard("dead") - dead

# %% [markdown]
# Both mean one run. With 0 the job is kept in `dead`, with `False` it is dropped. Change `retry = 2` to 5 and go on
# from there: in a notebook, in the cell itself; in the terminal, type `p` for a Python prompt.

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | A direct call of a Worker is tried again. | Redis held nothing and had received no command. |
# | If the mail was not sent, the job is tried again. | `perform` caught the exception: one more processed, none failed, no `retry`. |
# | A retry happens at once, or exactly on time. | It waited for at least 15 seconds, and then for the poller. |
# | A retry is a new job. | The same jid, and `retry_count` in it. |
# | A due job runs by itself. | It stayed in `retry` until somebody polled. |
#
# ## To keep
#
# 1. Retries happen only through the queue: no job, no retry.
# 2. The exception is the message. If you catch it and go on, you say that all went well.
# 3. A failed job waits in `retry`. The poller moves it back to its queue when it is due.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *retry*, *sorted set*, *score*, *due*, *poller*,
# *dead*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_03_retries/exercise.py](../lessons/lesson_03_retries/exercise.py). It has the bug from the post, with
# both mistakes. Fix it.

# %% [markdown] tags=["terminal-only"]
# Then run `make check-3`. `make hint-3` and `make try-3` are there, too.
#
# [Contents](../lessons/README.md) · Previous: [2 · Watching Redis](02_watching_redis.ipynb) · Next: [4 · The morgue](04_the_morgue.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save it, and run the next cell. `hint(3)` is there, too, and `make try-3` in a terminal.
#
# [Contents](../lessons/README.md) · Previous: [2 · Watching Redis](02_watching_redis.ipynb) · Next: [4 · The morgue](04_the_morgue.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(3)
