# %% [markdown]
# # 4 · The morgue
#
# **What do I do with jobs that cannot work?**
#
# 25 minutes. Before this: [3 · Retries](03_retries.ipynb).
#
# At the end you can say where a job goes when nobody can run it, how it comes back from there, and what is lost when
# somebody empties Redis to get rid of it.
#
# [Contents](../lessons/README.md) · Previous: [3 · Retries](03_retries.ipynb) · Next: [5 · Testing](05_testing.ipynb)

# %% [markdown]
# The author of the post had tried things out, thrown them away, and begun again with other names. From then on Sidekiq
# complained whenever it was started. "Uninitialized constant", it said, which is Ruby for: I know no class of this name.
#
# You meet the same when you rename a class: the old name is still written in the jobs that wait.

# %%
from lessons.kit import Table, catch_mail, keys, predict
from lessons.kit import send_gif, start, where
from minijobs import Client, Fetcher, Processor, Worker, poll

redis = start()
inbox = catch_mail()

# %%
class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought, seconds=0)

# %% [markdown]
# ## A name that nobody knows
#
# Until yesterday this class was called `SendUserGifWorker`, and a job that was pushed yesterday is still waiting. A job
# holds only the *name* of its class. So you can push one under any name, with `Client().push`, which is what
# `perform_async` calls. Then push one under today's name: it waits behind the other.

# %%
yesterday = Client().push(
    {"class": "SendUserGifWorker", "args": ["ada@example.com", "old"]}
)
today = SendGifToUserWorker.perform_async("grace@example.com", "new")
keys()

# %% tags=["hide-input"]
unknown = predict(
    "A worker process takes both. It does not know the first one's class.",
    a="The first job is lost: nobody can run it.",
    b="The first job fails as any job may fail, and the second one runs.",
    c="The worker process stops at it, and the second job waits.",
    guess=None,
)
unknown

# %%
import sys

from minijobs import log

log.show(sys.stdout)
processor = Processor(Fetcher("default"))
processor.process_one().name, processor.process_one().name

# %%
keys()

# %% tags=["hide-input"]
unknown.answer(
    f"the first job is in {where(yesterday)}; mails: {len(inbox)}",
    a=where(yesterday) == "nowhere",
    b=where(yesterday) == "retry" and len(inbox) == 1,
    c=len(inbox) == 0,
)

# %% [markdown]
# It is an ordinary failure. The job waits in `retry`, and its `error_message` says what is wrong, and which class may have
# been meant. You have three weeks to do something about it, as you saw in lesson 3.
#
# It would have been better to leave the old name in place until no job carries it any more. It is late for that now, but
# not too late. A subclass with nothing in it will do:

# %%
class SendUserGifWorker(SendGifToUserWorker):
    """The old name, for the jobs that still carry it."""

# %%
import time

poll(now=time.time() + 60)  # as if a minute had passed
processor.process_one().name, where(yesterday)

# %%
inbox

# %% [markdown]
# Yesterday's mail is there. Nothing was lost.
#
# ## The last retry fails
#
# The next class welcomes people. It has a bug. Do you see it?

# %%
class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first, last = name.split()
        address = f"{first.lower()}@example.com"
        send_gif(address, f"Welcome, {first} {last}", seconds=0)

# %% [markdown]
# Plato has only one name.

# %% tags=["hide-input"]
last_one = predict(
    "The run fails, and the only retry fails. What is kept of the job?",
    a="Nothing: it has had its chances.",
    b="Only that it failed, and why.",
    c="All that is needed to run it again.",
    guess=None,
)
last_one

# %%
def runs():
    names = []
    while outcome := processor.process_one():
        names.append(outcome.name)
        poll(now=time.time() + 24 * 60 * 60)  # as if a day had passed
    return names

# %%
plato = WelcomeWorker.perform_async("Plato")
runs()

# %%
keys()

# %% tags=["hide-input"]
dead = b"".join(redis.zrange("dead", 0, -1))
last_one.answer(
    f"the job is in {where(plato)}, with its arguments",
    a=where(plato) == "nowhere",
    b=where(plato) == "dead" and b'"Plato"' not in dead,
    c=where(plato) == "dead" and b'"Plato"' in dead,
)

# %% [markdown]
# You met `dead` at the end of lesson 3. It is a sorted set, and the score is the moment of death. People call it the *morgue*:
# what lies there does nothing any more, and is kept so that somebody can find out what it died of.
#
# ## What did it die of?

# %%
from minijobs import DeadSet

Table(
    ["class", "args", "error_message"],
    [[job.class_name, job.args, job["error_message"]] for job in DeadSet()],
)

# %% [markdown]
# The class, the arguments, the error. With these three you can reproduce the failure, and that is halfway to the bug.
# `DeadSet()` gives you the jobs in `dead`, one after another. `RetrySet()` and `Queue("default")` do the same for `retry`
# and the queue, and `ScheduledSet()` for `schedule`, a sorted set of jobs that were pushed for later.
#
# ## Back from the dead
#
# Each job of a `DeadSet` has a method `retry()`. Try it at once, before you have fixed anything.

# %% tags=["hide-input"]
back = predict(
    "You call retry() on the dead job. The bug is still there. Then …",
    a="it runs in that moment, and retry() raises the error.",
    b="it waits in its queue, until a worker process takes it.",
    c="it waits in retry, until its moment has come.",
    guess=None,
)
back

# %%
from minijobs import Queue

put_back = [job.retry() for job in DeadSet()]
waits_in = where(plato)
put_back, waits_in, [job["retry_count"] for job in Queue("default")]

# %%
ran = runs()
ran, where(plato)

# %% tags=["hide-input"]
back.answer(
    f"it was in {waits_in}, and then its runs were {ran}",
    a=waits_in == "nowhere" or waits_in == "dead",
    b=waits_in == "queue:default",
    c=waits_in == "retry",
)

# %% [markdown]
# `retry()` ran nothing. It moved the job to its queue. `True` means that the job was still there to be moved. And it is
# still the same job, with one try left: in `dead` its `retry_count` was 1, and `retry()` took one off. So it had one run,
# and no more.
#
# So fix the bug first:

# %%
class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        address = f"{first.lower()}@example.com"
        send_gif(address, f"Welcome, {name}", seconds=0)

# %%
job = DeadSet().find(plato)
if job:
    job.retry()

runs(), where(plato)

# %%
inbox

# %% [markdown]
# `find` looks for a jid, in this one place, and returns `None` if it is not there. The old job ran with the new code, and
# Plato has been welcomed. Nobody had to remember whom to greet: it was written in the job. (Here you are the worker
# process, and you have the new class. Any other one must be restarted first, as lesson 2 said.)
#
# ## An entry that is not a job
#
# Anything can be pushed into a list by hand.

# %%
redis.lpush("queue:default", "hello?")
runs()

# %%
[(job.class_name, job.raw) for job in DeadSet()]

# %% [markdown]
# That was not tried a second time: nobody could run it, today or tomorrow. But it was not thrown away either. `raw` is what
# Redis holds, and no class could be read from it. You have looked at it, so take it out:

# %%
for job in DeadSet():
    job.delete()

keys()

# %% [markdown]
# (The `-` says that the whole key is gone. In Redis there is no empty set.)
#
# ## One job, taken out by hand
#
# Another job whose class is gone. This time nobody wants it any more. (You have seen what the log says of such a job. Here it
# is switched off while one runs.)

# %%
import logging

def a_hopeless_job():
    jid = Client().push({"class": "OldReportWorker", "args": [2017]})
    logging.disable()
    processor.process_one()
    logging.disable(logging.NOTSET)
    return jid

# %% [markdown]
# It would be tried for three weeks, and fill the log with errors that mean nothing. `kill()` sends it to `dead` now.
# `delete()` removes it from where you found it.

# %%
from minijobs import RetrySet

hopeless = a_hopeless_job()
places = [where(hopeless)]
RetrySet().find(hopeless).kill()
places.append(where(hopeless))
DeadSet().find(hopeless).delete()
places.append(where(hopeless))

# %%
Table(["failed once", "after kill()", "after delete()"], [places])

# %% [markdown]
# Both affected this one job only. And if there are many, all of one class? Go through the set, and look at each job:

# %%
hopeless = [a_hopeless_job(), a_hopeless_job()]

for job in RetrySet():
    if job.class_name == "OldReportWorker":
        job.delete()

[where(jid) for jid in hopeless]

# %% [markdown]
# ## Clearing everything
#
# The author of the post looked for help, and found these four lines of Ruby:
#
# ```ruby
# Sidekiq::Queue.all.each(&:clear)
# Sidekiq::RetrySet.new.clear
# Sidekiq::ScheduledSet.new.clear
# Sidekiq::DeadSet.new.clear
# ```
#
# (`each(&:clear)` clears each of them.) They worked. In parentheses the author wrote that this could be very dangerous in
# production, that is, where real people use the application. Here is why. On an ordinary day there is one bad job, one good
# one in its queue, one for later, and a number that belongs to the application and not to us. (`perform_in` pushes a job
# for later, here in an hour. Until then it waits in `schedule`.)

# %%
from minijobs import ScheduledSet

a_hopeless_job()
SendGifToUserWorker.perform_async("ada@example.com", "in the queue")
redis.set("visitors", 7)
later = ("grace@example.com", "in an hour")
jid = SendGifToUserWorker.perform_in(60 * 60, *later)

# %%
def held(when):
    places = Queue("default"), RetrySet(), ScheduledSet()
    return [when, *map(len, places), redis.get("visitors").decode()]

names = ["", "queue:default", "retry", "schedule", "visitors"]
before = held("before")
Table(names, [before])

# %% tags=["hide-input"]
cleared = predict(
    "To drop the bad job, you clear all queues and sets. What is lost?",
    a="The bad job. The good ones have done nothing wrong.",
    b="All three jobs.",
    c="All three jobs, and visitors.",
    guess=None,
)
cleared

# %%
for queue in Queue.all():
    queue.clear()
for jobs in (RetrySet(), ScheduledSet(), DeadSet()):
    jobs.clear()

Table(names, [before, held("after")])

# %% tags=["hide-input"]
good = len(Queue("default")) + len(ScheduledSet())
cleared.answer(
    f"{good} good jobs are left, and visitors is {redis.get('visitors')}",
    a=good == 2,
    b=good == 0 and redis.exists("visitors") == 1,
    c=good == 0 and redis.exists("visitors") == 0,
)

# %%
runs(), [mail["Subject"] for mail in inbox.mails]

# %% [markdown]
# Two people get no mail. There was no error, and no line in the log. Nobody will notice, until one of them asks.
#
# Some people go further and *flush* Redis: `FLUSHDB` empties the whole database. To see that, take another Redis, one that
# exists only in these lines. (`fakeredis` is a Redis inside a Python process. This lesson runs on one, unless `REDIS_URL`
# names a server.) There, a bad job is just being run.

# %%
import fakeredis

other = fakeredis.FakeRedis()
other.set("visitors", 7)
Client(other).push({"class": "OldReportWorker", "args": [2017]})

busy = Processor(Fetcher("default", redis=other))
unit = busy.fetcher.fetch()
there = map(bytes.decode, other.keys())
sorted(name.replace(busy.fetcher.identity, "IDENTITY") for name in there)

# %%
other.flushdb()

outcome = busy.run(unit)
busy.settle(unit, outcome)
outcome.name, other.keys()

# %% [markdown]
# The number of visitors is gone, and it was no job. And the job that was running failed and was to be tried again, but it is
# not in `retry`: Redis had forgotten that it was in flight.
#
# On your own machine, when everything is in a mess, clearing is fine, and `clear_everything` is made for that. But first it
# checks where it is running. Many programs learn that from the environment variable `APP_ENV`. Pretend to be in
# production. The cell is meant to end with an error:

# %% tags=["raises-exception"]
import os

from minijobs import clear_everything

os.environ["APP_ENV"] = "production"
clear_everything()

# %% [markdown]
# It refused, and said why. Stop pretending:

# %%
os.environ.pop("APP_ENV", None)

# %% [markdown]
# ## Change something
#
# A morgue must not grow for ever. For how many days does it keep a job?

# %%
from minijobs.retry import DEAD_FOR

DEAD_FOR / (24 * 60 * 60)

# %% [markdown]
# The poller removes those that are older. Let a job die, put its death into the past, and poll:

# %%
log.logger.setLevel("CRITICAL")  # the log has said enough

# %%
def die():
    job = {"class": "OldReportWorker", "args": [2017], "retry": 0}
    jid = Client().push(job)
    processor.process_one()
    return jid

def after(days):
    jid, moment = die(), time.time() - days * 24 * 60 * 60
    redis.zadd("dead", {DeadSet().find(jid).raw: moment})
    poll()
    return where(jid)

# %%
after(179)

# %%
after(181)

# %% [markdown]
# Change the number of days. Or have the job not kept at all: write `"dead": False` into the job in `die`, and see what
# `where(die())` says then. (In the terminal, type `p` for a Python prompt.)

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | A job whose retries are used up is deleted. | It lay in `dead`, with its arguments and its error. |
# | A job for an unknown class is lost. | It waited in `retry`. When the old name was there again, the mail came. |
# | A bad job holds up those behind it. | The next one ran. |
# | `retry()` runs the job, or starts its retries over. | It moved the job to its queue, with one try left. |
# | Clearing everything is the way to get rid of a bad job. | Two good jobs were deleted with it, and nobody was told. |
#
# ## To keep
#
# 1. A job that cannot work ends in `dead`, unless its class says otherwise, and is kept there for a person to look at.
# 2. First fix the code, and restart the worker processes. Then send the job back.
# 3. Delete only what you mean, one job or one class. Clearing also deletes what you have not looked at.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *morgue*, *kill*, *clear*, *flush*, *schedule*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_04_the_morgue/exercise.py](../lessons/lesson_04_the_morgue/exercise.py). It is Monday morning, and
# somebody has proposed the four lines. Write something better.

# %% [markdown] tags=["terminal-only"]
# Then run `make check-4`. `make hint-4` and `make try-4` are there, too.
#
# [Contents](../lessons/README.md) · Previous: [3 · Retries](03_retries.ipynb) · Next: [5 · Testing](05_testing.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save it, and run the next cell. `hint(4)` is there, too, and `make try-4` in a terminal.
#
# [Contents](../lessons/README.md) · Previous: [3 · Retries](03_retries.ipynb) · Next: [5 · Testing](05_testing.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(4)
