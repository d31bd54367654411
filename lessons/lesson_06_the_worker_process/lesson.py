# %% [markdown]
# # 6 · The worker process
#
# **Why does my change not show up?**
#
# 30 minutes. Before this: [5 · Testing](05_testing.ipynb).
#
# At the end you can say what a running worker process knows and what it does not, why a job that you pushed does not run, and
# how one process takes over from another without losing a job.
#
# [Contents](../lessons/README.md) · Previous: [5 · Testing](05_testing.ipynb) · Next: [7 · Later](07_later.ipynb)

# %% [markdown]
# The author of the post changed a worker, tried it, and it did what it had done before. An "embarrassing amount of time" later
# it was clear why: "you need to restart Sidekiq if you change a Sidekiq job".
#
# So far you were the worker process yourself. Now there is a real one, a program of its own. It cannot reach a Redis that is
# embedded in your process. So this lesson starts a Redis server as well. (At the end, all that it has started is gone.)

# %%
from lessons.kit import Table, clock, keys, predict, run, start
from lessons.kit import start_worker, wait_until, where, write

redis = start(server=True)

# %% [markdown]
# The worker process has to load the Worker, so it is in a file this time. `write` saves a file into a folder of this lesson.
# `logger.info` writes a line into the log of the process that runs it.

# %%
source = """
from minijobs import Worker
from minijobs.log import logger

class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        logger.info(f"mailing {thought} to {email}")
"""
write("gifs.py", source)

# %% [markdown]
# ## A program of its own
#
# `start_worker` does what you would do in a second terminal: it types a command, and what the process says is shown here. `-r`
# names the file to load, and `-c 1` says that one job runs at a time. Whenever you start another process, the one before is
# stopped first.

# %%
worker = start_worker("-r gifs.py -c 1")

# %% [markdown]
# The first line says which Redis it uses, and which *database* there: a server has several, with numbers, and each has keys
# of its own. The last line says which Workers it has found in the file. Your own process imports the file too, because it
# wants to push. Then `until` shows the log as it comes, up to the first line that says *done*. (Of each line you see who and
# what. The time, the numbers and the jid are left out here.)

# %%
import gifs

gifs.SendGifToUserWorker.perform_async("ada@example.com", "a cat")
lines = worker.until("done")

# %% [markdown]
# ## A change
#
# Now change the file. One line of it becomes another one.

# %%
write("gifs.py", source.replace("mailing", "NEW: mailing"))

# %% tags=["hide-input"]
changed = predict(
    "The file is saved. The process still runs, and you push. It runs …",
    a="the old code.",
    b="the new code: the job was pushed after the change.",
    c="neither: the file is another one now, so the job fails.",
    guess=None,
)
changed

# %%
gifs.SendGifToUserWorker.perform_async("ada@example.com", "two cats")
lines = worker.until("done|fail")

# %% tags=["hide-input"]
changed.answer(
    f"the log says {lines[1].partition(': ')[2]!r}",
    a="fail" not in lines[-1] and "NEW" not in lines[1],
    b="NEW" in lines[1],
    c="fail" in lines[-1],
)

# %% [markdown]
# The old code. Python reads a file once, when it is imported. Your own process is no better: it imported the file before the
# change, too. Call `perform` here, with the log on:

# %%
import sys

from minijobs import log

shown = log.show(sys.stdout)
gifs.SendGifToUserWorker().perform("ada@example.com", "directly")
log.logger.removeHandler(shown)

# %% [markdown]
# ## Restart
#
# So the process has to be stopped and started again. `stop` sends it TERM, as the command `kill` does in a terminal. TERM is a
# *signal*: a message of one word, from the operating system to a process. This one means: please end.

# %%
lines = worker.stop()

# %% [markdown]
# No process is there now. Push all the same, and then change the file once more:

# %%
gifs.SendGifToUserWorker.perform_async("ada@example.com", "three cats")
write("gifs.py", source.replace("mailing", "NEWER: mailing"))

# %%
keys("queue")

# %% tags=["hide-input"]
frozen = predict(
    "A process is started, and finds the job. What does it write?",
    a="mailing: that is the code of the process that pushed it.",
    b="NEWER: mailing. That is in the file now.",
    c="NEW: mailing. That was in the file when the job was pushed.",
    guess=None,
)
frozen

# %%
from minijobs import Queue

waiting = len(Queue("default"))
worker = start_worker("-r gifs.py -c 1")
lines = worker.until("done") if waiting else lines

# %% tags=["hide-input"]
said = next(line for line in lines if "mailing" in line)
frozen.answer(
    f"the log says {said.partition(': ')[2]!r}",
    a="NEW" not in said,
    b="NEWER:" in said,
    c="NEW:" in said,
)

# %% [markdown]
# No code is frozen in a job. It holds the name of a class, as you saw in lesson 2, and the process that runs it says what that
# means. The job has waited for its process, and nothing was lost.
#
# While you write code, use `--reload`: the process watches the files that it has loaded, and restarts when you save one.

# %%
worker = start_worker("-r gifs.py -c 1 --reload")

# %%
write("gifs.py", source.replace("mailing", "NEWEST: mailing"))
lines = worker.until("Workers:")

# %%
gifs.SendGifToUserWorker.perform_async("ada@example.com", "four cats")
lines = worker.until("done")

# %% [markdown]
# Where real people use the application, nobody saves files. There, a new version is brought by a *deploy*, which stops and starts
# processes. You will see one at the end.

# %% [markdown]
# ## What belongs to a process
#
# The next Worker keeps a list, and looks at a setting in the *environment*: names with values, in Python `os.environ`.

# %%
write("count.py", """
import os
from minijobs import Worker
from minijobs.log import logger

seen = []
class CountWorker(Worker):
    def perform(self, name):
        seen.append(name)
        logger.info(f"{seen}, CITY is {os.environ.get('CITY')}")
""")

# %%
import os

import count

os.environ.pop("CITY", None)
worker = start_worker("-r count.py -c 1")

# %% [markdown]
# Now you put something into your `count.seen`, and CITY into your `os.environ`.

# %%
count.seen.append("yours")
os.environ["CITY"] = "Paris"

# %% tags=["hide-input"]
own = predict(
    'You push a job, with the name "one". What does the process write?',
    a="['one'], CITY is None",
    b="['yours', 'one'], CITY is Paris",
    c="['one'], CITY is Paris: the environment is the machine's.",
    guess=None,
)
own

# %%
count.CountWorker.perform_async("one")
lines = worker.until("done")

# %% tags=["hide-input"]
own.answer(
    f"the log says {lines[1].partition(': ')[2]!r}",
    a="yours" not in lines[1] and "Paris" not in lines[1],
    b="yours" in lines[1] and "Paris" in lines[1],
    c="yours" not in lines[1] and "Paris" in lines[1],
)

# %% [markdown]
# Neither your list nor your CITY: it has a list and an environment of its own. What needs to reach the job must be in its
# arguments, or in a place that both can read, such as Redis or a database. Push one more, and look at the list:

# %%
count.CountWorker.perform_async("two")
lines = worker.until("done")

# %% [markdown]
# The second job finds what the first one has left, because both ran in the same process. Do not rely on it: the next job may
# run in another one. And after a restart?

# %%
worker = start_worker("-r count.py -c 1")
count.CountWorker.perform_async("three")
lines = worker.until("done")

# %% [markdown]
# The list was empty again. But CITY is there: a process gets a copy of the environment of the one that starts it. So a changed
# setting needs a restart, too.

# %% [markdown]
# It is the same with a file that is open. This Worker opens one when it is loaded:

# %%
write("letters.py", """
from minijobs import Worker

out = open("today.txt", "a", buffering=1)

class LetterWorker(Worker):
    def perform(self, text):
        print(text, file=out)
""")

# %% [markdown]
# You need not import it yourself: `Client().push` takes the name of a class, as in lesson 4.

# %%
from minijobs import Client

def write_letter(text):
    Client().push({"class": "LetterWorker", "args": [text]})
    return worker.until("done")

worker = start_worker("-r letters.py -c 1")
lines = write_letter("the first letter")

# %% [markdown]
# Now somebody tidies up: what was written today is called yesterday from now on. Then one more letter is written.

# %%
folder = worker.folder
if (folder / "today.txt").exists():
    (folder / "today.txt").rename(folder / "yesterday.txt")

lines = write_letter("the second letter")

# %%
print((folder / "yesterday.txt").read_text(), end="")
(folder / "today.txt").exists()

# %% [markdown]
# The process has the file open, whatever it is called by now, and goes on writing into it.

# %% [markdown]
# ## Without the file
#
# For each job, a process finds the class by its name, and calls `perform`. Does it look into the file for that? Take the file
# away, write one more letter, and put it back:

# %%
(folder / "letters.py").rename(folder / "gone.py")
lines = write_letter("the third letter")
(folder / "gone.py").rename(folder / "letters.py").name

# %% [markdown]
# It ran while the file was gone. When a file is imported, each Worker in it is entered in a dict, and there the process finds it.
# Your own process has such a dict, too. It has imported `gifs.py`, and never `letters.py`:

# %%
from minijobs.worker import registry

"SendGifToUserWorker" in registry, "LetterWorker" in registry

# %% [markdown]
# And this is what each thread of the process does, from the source of the library. (Comments are left out.) You need not know
# what it calls. Look for the line that runs a job, and for one that reads a file:

# %%
import inspect
from textwrap import dedent

def code_of(function):
    lines = dedent(inspect.getsource(function)).splitlines()
    lines = [line.partition("# ")[0].rstrip() for line in lines]
    return "\n".join(line for line in lines if line and '"""' not in line)

# %%
from minijobs.dispatcher import Dispatcher

print(code_of(Dispatcher._loop))

# %% [markdown]
# Around and around, until `_ended` is true. `_lead` fetches jobs, for this thread and for others; `_follow` waits until another
# thread has fetched one for this one. `_run` runs the job. No line here reads a file, and what it calls does not either: you
# had just taken the file away. The process read it once, before its threads began.

# %% [markdown]
# ## I pushed, and nothing happens
#
# There are many causes. You produce each of them now, and write down how it looks: where the job is, how many processes there
# are, how many jobs they run, and what the log says.

# %%
from minijobs import Stats

causes = {}

def write_down(cause, jid, says):
    stats = Stats()
    seen = [where(jid), stats.processes_size, stats.workers_size]
    causes[cause] = [cause, *seen, says]
    return Table(["the job is in", "processes", "busy"], [seen])

# %% [markdown]
# **No process at all.** The simplest cause, and the one that is thought of last.

# %%
lines = worker.stop()
jid = gifs.SendGifToUserWorker.perform_async("ada@example.com", "hello?")
write_down("no process", jid, "(there is none)")

# %% [markdown]
# **A queue that nobody serves.** `-q` says which queues a process takes jobs from. This one serves `mails`, and your job is
# in `default`. To see that the process is well, you push one to `mails` as well.

# %%
worker = start_worker("-r gifs.py -c 1 -q mails")
to_mails = gifs.SendGifToUserWorker.set(queue="mails")
to_mails.perform_async("ada@example.com", "to mails")
lines = worker.until("done")

# %%
write_down("a queue nobody serves", jid, "minijobs runs mails")

# %%
keys("queue")

# %% [markdown]
# `keys()` shows the job (`+`), and both names in `queues`. The other job (`-`) is the three cats, which waited when you looked
# last. Which queues are served is not written there.

# %% tags=["hide-input"]
elsewhere = predict(
    "A process serves default, but in another database. From here you see",
    a="one process, and the job waits.",
    b="no process, and the job waits.",
    c="no process, and no job.",
    guess=None,
)
elsewhere

# %% [markdown]
# **Another database.** Which one a program uses is in its setting `REDIS_URL`, and that may be wrong. Look at the first line of
# the log:

# %%
worker = start_worker("-r gifs.py -c 1", other_database=True)
write_down("another database", jid, "… database 14")

# %% tags=["hide-input"]
alive, place = Stats().processes_size, where(jid)
elsewhere.answer(
    f"there are {alive} processes, the job is in {place}",
    a=alive == 1 and place == "queue:default",
    b=alive == 0 and place == "queue:default",
    c=alive == 0 and place == "nowhere",
)

# %% [markdown]
# The process tells Redis that it lives, but in its own database. `Stats()` looks into yours.

# %% [markdown]
# **A class that the process never imported.** This one serves the right queue in the right database, and has loaded another file.

# %%
from minijobs import RetrySet

worker.stop(show=False)
RetrySet().retry_all()  # if you run this cell a second time
worker = start_worker("-r count.py -c 1")
lines = worker.until("No Worker")

# %%
wait_until(lambda: where(jid) == "retry")
write_down("a class it never imported", jid, "No Worker is called")

# %% [markdown]
# Here something does happen: the job fails. The message says which Workers the process knows. Now start it with the right
# file, and send the job back, as in lesson 4:

# %%
worker = start_worker("-r gifs.py -c 1 --heartbeat 0.2")
if RetrySet().retry_all():
    lines = worker.until("done")

# %% [markdown]
# At last. (`--heartbeat 0.2` says that this process tells Redis five times a second how it is, so that you need not wait.)
#
# **A quiet process.** There is another signal, TSTP: take no more jobs. The process lives on, and is *quiet*. Push, and wait
# until it has told Redis once more that it lives:

# %%
worker.quiet()
jid = gifs.SendGifToUserWorker.perform_async("ada@example.com", "psst")
worker.next_beat()
write_down("a quiet process", jid, "quiet: nothing more …")

# %% [markdown]
# **Busy with long jobs.** The last cause. This Worker takes ten minutes:

# %%
write("reports.py", """
import time
from minijobs import Worker

class ReportWorker(Worker):
    def perform(self):
        time.sleep(600)
""")

# %%
import reports

words = "-r gifs.py -r reports.py -c 1 --timeout 1 --heartbeat 0.2"
worker = start_worker(words)
report = reports.ReportWorker.perform_async()
lines = worker.until("ReportWorker: start")

# %% [markdown]
# (First it sent the mail that the quiet process had left in the queue.) Now it is busy, and a mail comes:

# %%
jid = gifs.SendGifToUserWorker.perform_async("ada@example.com", "hurry")
wait_until(lambda: worker.busy() == 1)
write_down("busy with long jobs", jid, "start, and no done")

# %% [markdown]
# In a terminal, `minijobs stats` tells you the same, and more:

# %%
run("minijobs stats")

# %% [markdown]
# Now all the causes, side by side:

# %%
headings = ["cause", "the job is in", "processes", "busy", "the log says"]
Table(headings, causes.values())

# %% [markdown]
# Mostly the job sits in its queue and waits, and no error is written anywhere. So begin with the queue. Is the job there?
# Then look at the processes, and at the first lines of their logs: which queues, which database, which Workers.
#
# ## Stopped in the middle of a job
#
# The process still runs the report. As in lesson 2, the job is in flight meanwhile:

# %%
where(report).partition(":")[0]

# %% [markdown]
# The process was started with `--timeout 1`: when it is stopped, what it runs gets one second more.

# %% tags=["hide-input"]
stopped = predict(
    "You stop the process now. What becomes of the report's job?",
    a="It is lost: it was running.",
    b="It runs to its end first.",
    c="It counts as failed, and goes to retry.",
    d="It goes back to its queue.",
    guess=None,
)
stopped

# %%
lines = worker.stop()

# %% tags=["hide-input"]
stopped.answer(
    f"the job is in {where(report)}",
    a=where(report) == "nowhere" and "requeued" not in "".join(lines),
    b=where(report) == "nowhere" and "done" in "".join(lines),
    c=where(report) == "retry",
    d=where(report) == "queue:default",
)

# %% [markdown]
# First the process became quiet. Then it gave the job one second, the `--timeout`. (Without that word it is 25.) Then it put the
# job back: that is called to *requeue* it. What is in the job now?

# %%
next_one = next(iter(Queue("default")))
next_one.class_name, next_one.jid == report, next_one["retry_count"]

# %% [markdown]
# It is the same job, and it will be the next one. No failure is noted in it. Start the process again:

# %%
worker = start_worker(words)
lines = worker.until("start")

# %% [markdown]
# The report starts again, from its very beginning. All that it had done is done a second time. For a
# calculation that is a pity. For mails it means that somebody gets two.
#
# You do not want to wait ten minutes. So stop it, and take the report out of its queue. The mail stays there.

# %%
lines = worker.stop(show=False)
for job in Queue("default"):
    if job.class_name == "ReportWorker":
        job.delete()

[job.class_name for job in Queue("default")]

# %% [markdown]
# ## A long job that listens
#
# In `perform`, `self.stopping` says whether the process is about to end. The next Worker looks at it before each number that
# it writes into a file. If the process should end, it pushes the rest as a job of its own.

# %%
head = """
import time
from minijobs import Worker

out = open("numbers.txt", "a", buffering=1)
"""

# %%
write("news.py", head + """
class NewsWorker(Worker):
    def perform(self, first, last):
        for number in range(first, last):
            if self.stopping:
                return NewsWorker.perform_async(number, last)
            print(number, file=out)
            time.sleep(0.02)
""")

# %% [markdown]
# A hundred numbers. You stop the process as soon as a few of them are written.

# %%
def numbers():
    return [int(n) for n in (folder / "numbers.txt").read_text().split()]

(folder / "numbers.txt").unlink(missing_ok=True)
words = "-r gifs.py -r news.py -c 1"
worker = start_worker(words)
Client().push({"class": "NewsWorker", "args": [0, 100]})
wait_until(lambda: len(numbers()) > 5)
lines = worker.stop(show=False)
lines[-1]

# %%
rest = next(iter(Queue("default")))
rest.class_name, rest.args[0] == len(numbers()), rest.args[1]

# %% [markdown]
# Nothing was left unfinished: the job has ended by itself, well before its time was up. And there is a new job, which begins
# at the first number that is missing. Another process finds it:

# %%
worker = start_worker(words)
wait_until(lambda: len(numbers()) >= 100)
len(numbers()), len(set(numbers()))

# %% [markdown]
# A hundred numbers, and none of them twice. If you write a job that takes long, let it listen, or cut it into small ones.

# %% [markdown]
# ## A deploy
#
# Now all of it together. The old process runs a report of two seconds, and the new version of `gifs.py` is ready.

# %%
write("gifs.py", source.replace("mailing", "OLD: mailing"))
write("reports.py", """
import time
from minijobs import Worker

class ReportWorker(Worker):
    def perform(self):
        time.sleep(2)
""")

# %%
words = "-r gifs.py -r reports.py -c 1 --heartbeat 0.2"
old = start_worker(words, name="old")
report = reports.ReportWorker.perform_async()
lines = old.until("start")

# %% [markdown]
# First the old process becomes quiet. It does not cut anything off, and takes no more. A mail that comes now has to wait.

# %%
write("gifs.py", source.replace("mailing", "NEW: mailing"))
old.quiet()
jid = gifs.SendGifToUserWorker.perform_async("ada@example.com", "one")
where(jid)

# %% [markdown]
# Then the new process starts, `beside` the old one, and takes what waits. How long did that last?

# %%
with clock("the start") as starting:
    new = start_worker(words, name="new", beside=True)
    gifs.SendGifToUserWorker.perform_async("ada@example.com", "two")
    lines = new.until("mailing two")

f"nobody took jobs for {starting.seconds:.1f} s"

# %% [markdown]
# At last, when the old process has finished its report, it is stopped. `busy()` says how many jobs it runs, as it told Redis
# with its last heartbeat. (`quiet()` above has waited for one, so no job is overlooked.) It would never end by itself: a
# quiet process waits until it is stopped. `stop()` waits until it has ended. `ended()` says whether it has, and `ready()`
# whether a process has loaded its code and takes jobs.

# %%
wait_until(lambda: old.busy() == 0)
lines = old.stop()
old.ended(), new.ready()

# %% [markdown]
# The report was not cut off, no mail was lost, and after the new code had begun, the old code began nothing. Only the gap is
# not nice: while the new process loads its code, nobody takes jobs. In the exercise that takes longer, and you will do better.
#
# ## Change something
#
# `-c` says how many threads a process has, and so how many jobs it runs at a time. With two, does a mail have to wait for the
# report?

# %%
worker = start_worker("-r gifs.py -r reports.py -c 2")
reports.ReportWorker.perform_async()
lines = worker.until("ReportWorker: start")

# %%
gifs.SendGifToUserWorker.perform_async("ada@example.com", "soon")
lines = worker.until("SendGifToUserWorker: done")

# %% [markdown]
# Now let it be 1, and look when the mail comes. Or push three reports first. (In the terminal, type `p` for a Python prompt.)

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | A running process sees an edit. | It ran the old code until it was started again. |
# | Code is frozen in a job. | It ran the code that its process had loaded. |
# | The worker shares my variables. | It had a list of its own, and CITY was None. |
# | A job that does not run leaves an error. | Five times out of six it just waited. |
# | Stopping loses the running job. | It was requeued, and began anew. |
#
# ## To keep
#
# 1. A process knows what it has loaded when it was started. After a change, in code or in a setting, start it again.
# 2. If nothing happens, look where the job is, then which processes there are, and what their first lines say.
# 3. Start the new process, then make the old one quiet, wait, and stop it. What is cut off starts again.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *signal*, *environment*, *deploy*, *quiet*, *requeue*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_06_the_worker_process/exercise.py](../lessons/lesson_06_the_worker_process/exercise.py). It is the
# deploy of the lesson, under load, and without the gap.

# %% [markdown] tags=["terminal-only"]
# Then run `make check-6`. `make hint-6` and `make try-6` are there, too.
#
# [Contents](../lessons/README.md) · Previous: [5 · Testing](05_testing.ipynb) · Next: [7 · Later](07_later.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save it, and run the next cell. `hint(6)` is there, too, and `make try-6` in a terminal.
#
# [Contents](../lessons/README.md) · Previous: [5 · Testing](05_testing.ipynb) · Next: [7 · Later](07_later.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(6)
