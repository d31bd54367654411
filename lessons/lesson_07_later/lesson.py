# %% [markdown]
# # 7 · Later
#
# **When exactly does "in an hour" happen?**
#
# 30 minutes. Before this: [6 · The worker process](06_the_worker_process.ipynb).
#
# At the end you can say what a job for later waits for, how late it can be, and how to stop one that nobody wants any more.
#
# [Contents](../lessons/README.md) · Previous: [6 · The worker process](06_the_worker_process.ipynb) · Next: [8 · The crash](08_the_crash.ipynb)

# %% [markdown]
# Ada has a calendar. It should remind her of tea in an hour, by mail. `remind("tea")` sends such a mail. It belongs to this
# lesson, as `send_gif` belonged to the others.

# %%
from lessons.kit import catch_mail, commands, keys, predict
from lessons.kit import remind, start, where
from minijobs import Fetcher, Processor, Worker

redis = start()
inbox = catch_mail()

# %%
class RemindWorker(Worker):
    def perform(self, name):
        remind(name)

# %% [markdown]
# ## In an hour
#
# `perform_async` pushes a job for now. `perform_in` pushes one for later. First come the seconds, then what `perform` needs.

# %% tags=["hide-input"]
first = predict(
    "You have called perform_in(60 * 60, …). Where is the job?",
    a="In its queue, with a note that says when it may run.",
    b="In this Python process, which will push it in an hour.",
    c="In Redis, in a place for jobs whose moment has not come.",
    guess=None,
)
first

# %%
tea = RemindWorker.perform_in(60 * 60, "tea")
keys()

# %% tags=["hide-input"]
import threading

threads = threading.enumerate()
timers = [one for one in threads if isinstance(one, threading.Timer)]
first.answer(
    f"the job is in {where(tea)}",
    a=where(tea) == "queue:default",
    b=len(timers) > 0,
    c=where(tea) == "schedule",
)

# %% [markdown]
# You have seen `schedule` in lesson 4. It is a sorted set, as `retry` is. The score is the moment at which the job is due, and the
# entry itself does not hold it. (In fake mode, in lesson 5, there is no sorted set: there it is a field, `at`.) And this is what
# was written:

# %%
commands("zadd|sadd|lpush")

# %% [markdown]
# One command, and no queue was touched. `perform_at` takes the moment itself, in seconds since 1970.

# %%
import time

lunch = RemindWorker.perform_at(time.time() + 5 * 60 * 60, "lunch")

# %%
from lessons.kit import Table
from minijobs import ScheduledSet

def hours_from_now(moment):
    return round((moment - time.time()) / (60 * 60))

Table(
    ["args", "due in (hours)"],
    [[job.args, hours_from_now(job.score)] for job in ScheduledSet()],
)

# %% [markdown]
# ## When its moment comes
#
# You know the poller from lesson 3: the part of a worker process that moves what is due into its queue. Now suppose that all
# worker processes are stopped for two hours. The tea is due in one.

# %% tags=["hide-input"]
stopped = predict(
    "No worker process runs when the job becomes due. What happens?",
    a="Redis sees to it: the job is in its queue on time.",
    b="It waits, and is moved when a poller looks again.",
    c="Its moment is missed, and the job is lost.",
    guess=None,
)
stopped

# %%
processor = Processor(Fetcher("default"))

def run_next():
    outcome = processor.process_one()
    return outcome.name if outcome else "there was nothing to run"

before = run_next()
before, where(tea)

# %% [markdown]
# The queue is empty. Two hours later, a worker process starts, and its poller looks. You are the poller:

# %%
from minijobs import poll

moved = poll(now=time.time() + 2 * 60 * 60)  # as if it were that late
moved, where(tea), where(lunch)

# %%
run_next()

# %%
inbox

# %% tags=["hide-input"]
stopped.answer(
    f"{before}; when the poller had looked, Ada had {len(inbox)} mail",
    a=before == "done",
    b=before != "done" and len(inbox) > 0,
    c=before != "done" and len(inbox) == 0,
)

# %% [markdown]
# No job is ever too late to be run. The poller moves whatever is due, a second ago or an hour ago. Lunch is not due yet, and
# stayed. And a job that was due before it was even pushed?

# %% tags=["hide-input"]
past = predict(
    "You call perform_in(-60, …): a minute ago. The job …",
    a="is put into its queue at once.",
    b="is refused: nobody can run it then.",
    c="is put into schedule, and the poller finds it at its next look.",
    guess=None,
)
past

# %%
commands()  # what was sent so far is of no interest

gone_by = RemindWorker.perform_in(-60, "breakfast")
told = commands("zadd|sadd|lpush")
told.names(), where(gone_by)

# %% tags=["hide-input"]
past.answer(
    f"the commands were {told.names()}",
    a=told.names() == "SADD, LPUSH",
    b=told.names() == "nothing",
    c="ZADD" in told.names(),
)

# %% [markdown]
# These are the commands of `perform_async`: a moment in the past means now.
#
# ## Six o'clock, but where?
#
# People do not think in seconds since 1970. Python's `datetime` holds a date and a time of day.

# %% tags=["raises-exception"]
from datetime import datetime, timedelta

RemindWorker.perform_at(datetime(2026, 12, 24, 18, 0), "presents")

# %% [markdown]
# This is refused. Six o'clock in Berlin is not the same moment as six o'clock in Tokyo, and the next machine may be anywhere. A
# *time zone* says which one is meant. `ZoneInfo` knows them all.

# %%
from zoneinfo import ZoneInfo

berlin, tokyo = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
here = datetime(2026, 12, 24, 18, 0, tzinfo=berlin)
there = datetime(2026, 12, 25, 2, 0, tzinfo=tokyo)
here.timestamp(), there.timestamp()

# %% [markdown]
# Both are the same number. It would become the score. It says when, and no time zone is left in it.
#
# ## The night when the clocks change
#
# Berlin has *daylight saving time*. On 29 March 2026, the hour from 2:00 to 3:00 was left out: at 2:00, all clocks were put
# forward to 3:00. On the evening before, at 19:00, Ada asks to be reminded in 12 hours.

# %% tags=["hide-input"]
night = predict(
    "perform_in(12 hours). What does her clock say when the job is due?",
    a="7:00",
    b="8:00",
    c="6:00",
    guess=None,
)
night

# %%
from minijobs.job import moment  # perform_in and perform_at call this

evening = datetime(2026, 3, 28, 19, 0, tzinfo=berlin)
score = moment(timedelta(hours=12), now=evening.timestamp())
her_clock = datetime.fromtimestamp(score, berlin)
f"{her_clock:%H:%M}"

# %% tags=["hide-input"]
night.answer(
    f"her clock says {her_clock:%H:%M}",
    a=her_clock.hour == 7,
    b=her_clock.hour == 8,
    c=her_clock.hour == 6,
)

# %% [markdown]
# Twelve hours passed, and the clock went forward by thirteen. If Ada means *at seven*, push it for seven. Adding to a
# `datetime` does what she means: it counts what the clock shows, not the hours that pass.

# %%
at_seven = evening + timedelta(hours=12)

def read(score):
    hours = (score - evening.timestamp()) / (60 * 60)
    return f"{datetime.fromtimestamp(score, berlin):%H:%M}", hours

Table(["", "her clock", "hours that pass"], [
    ["perform_in(timedelta(hours=12))", *read(score)],
    ["perform_at(at_seven)", *read(moment(at_seven))],
])

# %% [markdown]
# So *in twelve hours* and *at seven* are two different wishes. And some times of day are missing, or come twice:

# %%
def get(month, day, fold=0):
    at = datetime(2026, month, day, 2, 30, tzinfo=berlin, fold=fold)
    return f"{datetime.fromtimestamp(moment(at), berlin):%H:%M %Z}"

Table(["you ask for", "you get"], [
    ["29 March, 2:30", get(3, 29)],
    ["25 October, 2:30", get(10, 25)],
    ["25 October, 2:30, fold=1", get(10, 25, fold=1)],
])

# %% [markdown]
# In March there is no 2:30: you get 3:30. In October there are two, an hour apart. (CEST is the time in summer, CET the time
# in winter.) `fold=1` is the second one.
#
# ## How late?
#
# A worker process's poller looks every five seconds, on average. This one looks every 0.2 seconds, so that you do not wait long.
# Fifty jobs become due while it runs, one every twentieth of a second. Each writes down how late it is. (`Server` is what a worker
# process runs. Here it runs in a thread of this process.)

# %%
late = []

class LateWorker(Worker):
    def perform(self, due):
        late.append(time.time() - due)

# %%
def push_fifty():
    begin = time.time() + 0.5
    for number in range(50):
        due = begin + number / 20
        LateWorker.perform_at(due, due)

# %%
import threading

from lessons.kit import Lateness, wait_until
from minijobs import Server

# %%
late.clear()
server = Server("default", poll=0.2)
running = threading.Thread(target=server.run, daemon=True)
running.start()
try:
    push_fifty()
    wait_until(lambda: len(late) == 50)
finally:  # also if you interrupt this
    server.stop()
    running.join()

# %%
Lateness({"50 jobs": late})

# %% [markdown]
# This is a picture of fifty jobs: from left to right, how late they were; the higher, the more of them. *Half by 0.1 s*
# means that half of the jobs were at most so late, *19 of 20* means the same of nearly all. A job that is due just before a
# look is hardly late. One that is due just after a look waits for the next one. And when is that?

# %%
import inspect

from minijobs.scheduled import poll_interval
from minijobs.server import POLL_EVERY

print(inspect.getsource(poll_interval).splitlines()[-1].strip())
POLL_EVERY

# %% [markdown]
# That is the pause until the same process looks again. `uniform` is a number between the two, by chance. `every` was 0.2 just
# now, and is 5 seconds unless somebody sets it. And the more processes there are, the less often each of them looks.

# %% tags=["hide-input"]
ten = predict(
    "Ten worker processes run in place of one. How late are jobs now?",
    a="All of them about as late as before, the latest too.",
    b="All of them a tenth as late: ten pollers look.",
    c="Half of them about as late as before, the latest much later.",
    guess=None,
)
ten

# %% [markdown]
# To measure that would take hours. The rule is known, so let a thousand jobs become due in a simulation. `looks` are the moments
# at which any of the processes looks.

# %%
import random
from bisect import bisect
from statistics import median

# %%
def simulate(processes, every=5):
    chance, looks = random.Random(7), []
    for _ in range(processes):
        at = 0
        while at < 20_000:
            at += poll_interval(every, processes, chance.uniform)
            looks.append(at)
    looks.sort()
    moments = [chance.uniform(1_000, 19_000) for _ in range(1_000)]
    return [looks[bisect(looks, due)] - due for due in moments]

# %%
late_by = {"1 process": simulate(1)}
for number in range(2, 11):
    late_by[f"{number} processes"] = simulate(number)

Lateness(late_by)

# %% tags=["hide-input"]
one, all_ten = late_by["1 process"], late_by["10 processes"]
ten.answer(
    f"half of them by {median(one):.1f} s, now by {median(all_ten):.1f} s; "
    f"the latest by {max(one):.1f} s, now by {max(all_ten):.1f} s",
    a=max(all_ten) / max(one) < 2 and median(all_ten) > median(one) / 2,
    b=median(all_ten) < median(one) / 2,
    c=0.5 < median(all_ten) / median(one) < 2 < max(all_ten) / max(one),
)

# %% [markdown]
# One process makes pauses of 7.5 seconds at most, so no job is moved later than that. Ten of them look as often, all
# together. But none knows when the others look. Several may do so at nearly the same moment, and then nobody does for a long
# while.
#
# So *in an hour* means: in an hour, plus some seconds, plus the time that the job then waits in its queue. With more
# processes it is no more punctual, and in the worst case later.
#
# ## In which order?
#
# Three reminders, not pushed in the order of their moments. A day later, a poller looks.

# %% tags=["hide-input"]
order = predict(
    "Pushed: cake (in 3 hours), tea (in 1), bus (in 2). The queue is …",
    a="tea, bus, cake: the earliest moment first.",
    b="cake, tea, bus: first pushed, first served.",
    guess=None,
)
order

# %%
from minijobs import Queue

ScheduledSet().clear(), Queue("default").clear()
for hours, name in ((3, "cake"), (1, "tea"), (2, "bus")):
    RemindWorker.perform_in(hours * 60 * 60, name)

poll(now=time.time() + 24 * 60 * 60)
queued = [job.args[0] for job in Queue("default")]
queued

# %% tags=["hide-input"]
order.answer(
    f"the queue is {', '.join(queued)}",
    a=queued == ["tea", "bus", "cake"],
    b=queued == ["cake", "tea", "bus"],
)

# %% [markdown]
# The set is sorted by the moment, and the poller takes the first ones first. And if three have the same moment?

# %%
def push_for_one_moment(*names):
    ScheduledSet().clear(), Queue("default").clear()
    soon = time.time() + 60
    for name in names:
        RemindWorker.perform_at(soon, name)
    poll(now=soon)

push_for_one_moment("cake", "tea", "bus")
[job.args[0] for job in Queue("default")]

# %% [markdown]
# This is the order of the alphabet: where scores are equal, a sorted set goes by the text of its members. Do not rely on it.
# Do not rely on the order of the moments either: it is only the order in which jobs *begin*. Here are two Processors, as two
# threads have them, and the first is slow:

# %%
inbox.empty()
push_for_one_moment("cake", "tea", "bus")
slow, quick = Processor(Fetcher("default")), Processor(Fetcher("default"))

bus = slow.fetcher.fetch()  # fetched first, and not run yet
quick.process_one()
slow.settle(bus, slow.run(bus))
inbox

# %% [markdown]
# The bus was first in the queue, and its mail came last. (Nobody has fetched tea yet.) If one job must come after another,
# let the first push the second.
#
# ## Ten thousand at once
#
# Reminders are often due on the hour. Here are ten thousand for nine o'clock. `perform_bulk` pushes many jobs of one class
# with few commands. It takes a list of arguments for each job; `set(at=…)` says for which moment.

# %%
ScheduledSet().clear(), Queue("default").clear(), commands()

nine = time.time() + 60 * 60
names = [[f"reminder {number}"] for number in range(10_000)]

RemindWorker.set(at=nine).perform_bulk(names)
commands("zadd").names(), len(ScheduledSet())

# %% tags=["hide-input"]
thousands = predict(
    "Ten commands pushed them all. A poller looks once. It moves …",
    a="one job: a look is for one job.",
    b="as many as there are threads to run them.",
    c="all ten thousand.",
    guess=None,
)
thousands

# %%
if poll(now=nine + 1):
    told = commands()

len(ScheduledSet()), len(Queue("default"))

# %% tags=["hide-input"]
thousands.answer(
    f"schedule holds {len(ScheduledSet()):,} of the jobs now",
    a=len(ScheduledSet()) == 9_999,
    b=0 < len(ScheduledSet()) < 9_999,
    c=len(ScheduledSet()) == 0,
)

# %% [markdown]
# Whatever is due is moved in one look. The poller reads a hundred (`ZRANGE`) and moves them (`EVALSHA`, one script for each job),
# and then the next hundred:

# %%
sent = [one.words[0] for one in told.told]
sent.count("ZRANGE"), sent.count("EVALSHA")

# %% [markdown]
# (One more `ZRANGE` found `retry` empty, and one found nothing left in `schedule`.) A second after nine, somebody signs up, and
# should get a mail at once. How many jobs are ahead of it in the queue?

# %%
RemindWorker.perform_async("welcome")
[job.args[0] for job in Queue("default")].index("welcome")

# %% [markdown]
# All of them. Jobs that can wait belong in a queue of their own: `queue = "reminders"` in the class, and `-q reminders` for
# a worker process. And if they need not come at nine sharp, spread them. Here they are due one a second, and a poller looks
# once a minute:

# %%
ScheduledSet().clear(), Queue("default").clear()
for number in range(600):
    RemindWorker.perform_at(nine + number, f"reminder {number}")

[poll(now=nine + 60 * minute) for minute in range(11)]

# %% [markdown]
# ## Called off
#
# Tea is cancelled. The reminder must not go out. `perform_in` returned the job's id, and by that it is found and deleted:

# %%
ScheduledSet().clear(), Queue("default").clear()

tea = RemindWorker.perform_in(60 * 60, "tea")
ScheduledSet().find(tea).delete(), where(tea)

# %% [markdown]
# Now the same again, but Ada cancels late. The poller has just moved the job.

# %%
inbox.empty(), Queue("default").clear()
tea = RemindWorker.perform_in(60 * 60, "tea")
poll(now=time.time() + 61 * 60)

# %% tags=["hide-input"]
race = predict(
    "Now you look for the job in schedule, to delete it. Then …",
    a="find still finds it, by its id.",
    b="find does not find it, and the mail goes out.",
    c="find does not find it, and no mail goes out.",
    guess=None,
)
race

# %%
found = ScheduledSet().find(tea)
print(found)
run_next()

# %%
inbox

# %% tags=["hide-input"]
race.answer(
    f"find returned {found}, and {len(inbox)} mail came",
    a=found is not None,
    b=found is None and len(inbox) > 0,
    c=found is None and len(inbox) == 0,
)

# %% [markdown]
# The poller was first. When two things do not wait for each other, and it matters which one is first, that is called a
# *race*. You can look into the queue as well. But there is the same race there, against a worker process that fetches the
# job:

# %%
tea = RemindWorker.perform_in(60 * 60, "tea")
poll(now=time.time() + 61 * 60)
unit = processor.fetcher.fetch()
ScheduledSet().find(tea), Queue("default").find(tea), where(tea)

# %%
outcome = processor.run(unit)
processor.settle(unit, outcome)
outcome.name

# %% [markdown]
# It was in neither, and it was run. So do not try to stop the job. Let it run, and let it *ask*. The calendar keeps its events in
# a database, where the job can look whether there is still one. Three functions stand in for the database: `save_event`,
# `find_event` and `delete_event`.

# %%
from lessons.kit import delete_event, find_event, save_event

class AskingWorker(Worker):
    def perform(self, name):
        if find_event(name):
            remind(name)

# %% [markdown]
# Now run the race in all ways: with each of the two classes, tea is cancelled in time, and late.

# %%
def mails_after_cancelling(worker, late):
    inbox.empty(), Queue("default").clear()
    save_event("tea", place="the kitchen")
    jid = worker.perform_in(60 * 60, "tea")
    poll(now=time.time() + (61 * 60 if late else 0))
    delete_event("tea")
    if job := ScheduledSet().find(jid):
        job.delete()
    run_next()
    return len(inbox)

# %%
rows = []
for worker in (RemindWorker, AskingWorker):
    counts = [mails_after_cancelling(worker, so) for so in (False, True)]
    rows.append([worker.__name__, *counts])

Table(["mails, if tea is cancelled", "in time", "late"], rows)

# %% [markdown]
# Only the job that asks is right in both columns. To delete it as well is tidy, and keeps `schedule` small. That no mail goes out
# must not depend on it. (Between the question and the mail there is still a moment. It is as short as it can be.)
#
# ## Change something
#
# `Server(poll=1)` lets the pollers look every second, on average. Is the mail more punctual then?

# %%
Lateness({
    "every 5 s": simulate(10),
    "every 1 s": simulate(10, every=1),
})

# %% [markdown]
# It is, and Redis is asked five times as often. Try 15, or 100 processes: in a notebook, in the cell itself; in the
# terminal, type `p` for a Python prompt.

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | Redis runs the job at its moment. | It waited until a poller looked. |
# | A moment in the past is an error. | The job went into its queue at once. |
# | *In 12 hours* is *at the same time*. | One night, it was an hour later. |
# | More processes are more punctual. | Half were about as late as before. |
# | First pushed, first served. | They were moved by their moments. |
# | An id is enough to call a job off. | The poller was faster. The mail came. |
#
# ## To keep
#
# 1. A job for later waits until a poller looks: never early, a little late.
# 2. A score is a number of seconds. It knows no zone and no clock change.
# 3. A pushed job may run. Whether it is still wanted, it must ask itself.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *time zone*, *daylight saving time*, *race*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_07_later/exercise.py](../lessons/lesson_07_later/exercise.py). It is Ada's calendar. Her events are
# moved, too.

# %% [markdown] tags=["terminal-only"]
# Then run `make check-7`. `make hint-7` and `make try-7` are there, too.
#
# [Contents](../lessons/README.md) · Previous: [6 · The worker process](06_the_worker_process.ipynb) · Next: [8 · The crash](08_the_crash.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save it, and run the next cell. `hint(7)` is there, too, and `make try-7` in a terminal.
#
# [Contents](../lessons/README.md) · Previous: [6 · The worker process](06_the_worker_process.ipynb) · Next: [8 · The crash](08_the_crash.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(7)
