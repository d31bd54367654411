# %% [markdown]
# # 8 · The crash
#
# **What if the worker dies in the middle?**
#
# 30 minutes. Before this: [7 · Later](07_later.ipynb).
#
# At the end you can say where a job is when its process is killed, why a job may run twice, and how you write one that may.
#
# [Contents](../lessons/README.md) · Previous: [7 · Later](07_later.ipynb) · Next: [9 · The app](09_the_app.ipynb)

# %% [markdown]
# In lesson 6 you stopped processes, and they had time to put their jobs back. But when the memory is full, the system kills a
# process, with the signal KILL. A process cannot catch this signal: it ends at once, between two lines. It is the same if somebody
# pulls the plug.
#
# As in lesson 6, the lesson starts a Redis server and real processes. This time they are killed. At the end, all of it is gone.

# %%
import sys
import time

from lessons.kit import catch_mail, keys, kill_everywhere, predict
from lessons.kit import start, start_script, start_worker
from lessons.kit import wait_until, where, write

redis = start(server=True)
inbox = catch_mail()

# %% [markdown]
# ## A loop of your own
#
# Who needs a library? A list is a queue, and `BRPOP` takes an entry out of it, or waits until there is one. Here is a worker
# process in a few lines. (The ten minutes stand for a very slow mail.)

# %%
write("loop.py", """
import os, time
from redis import Redis

redis = Redis.from_url(os.environ["REDIS_URL"], socket_timeout=None)
while True:
    _, thought = redis.brpop("thoughts")
    print("mailing", thought.decode(), flush=True)
    time.sleep(600)
""")

# %%
redis.delete("thoughts")
redis.lpush("thoughts", "a cat")

loop = start_script("loop.py")
lines = loop.until("mailing")

# %% tags=["hide-input"]
popped = predict(
    "The loop is killed before the mail goes out. Where is the cat?",
    a="In the sorted set retry.",
    b="Back in the list: Redis sees that the connection is gone.",
    c="Nowhere.",
    guess=None,
)
popped

# %%
loop.kill()
keys()

# %% tags=["hide-input"]
popped.answer(
    f"Redis holds {len(redis.keys())} keys",
    a=redis.exists("retry") == 1,
    b=redis.exists("thoughts") == 1,
    c=redis.exists("thoughts", "retry") == 0,
)

# %% [markdown]
# Redis had handed the entry out, and the process that held it is gone. There is no error, no log line and no job. Nobody
# will ever know, except Ada, who is waiting for her mail.

# %% [markdown]
# ## The same with a worker process
#
# Here is the mail as a job. After sending it, `perform` waits until an archive is available. Today it is not.

# %%
write("gifs.py", """
import os, time
from lessons.kit import send_gif
from minijobs import Worker

class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought, seconds=0)
        while not os.path.exists("archive"):
            time.sleep(0.1)
""")

# %%
import gifs
from minijobs import Queue

inbox.empty(), Queue("default").clear()
worker = start_worker("-r gifs.py -c 1 --timeout 0.1")
jid = gifs.SendGifToUserWorker.perform_async("ada@example.com", "a cat")
wait_until(lambda: len(inbox) > 0)

# %%
inbox

# %% tags=["hide-input"]
crashed = predict(
    "The mail has been sent, then the process is killed. The job is …",
    a="nowhere, as with the loop.",
    b="in its queue: the process puts it back.",
    c="in flight, in the list of a process that is dead.",
    d="in retry: it has failed.",
    guess=None,
)
crashed

# %%
worker.kill()
keys("queue:|inflight|retry")

# %% tags=["hide-input"]
crashed.answer(
    f"the job is in {where(jid)}",
    a=where(jid) == "nowhere",
    b=where(jid) == "queue:default",
    c=where(jid).startswith("inflight:"),
    d=where(jid) == "retry",
)

# %% [markdown]
# A dead process puts nothing back, and records no failure. But the job is still in Redis. `rescue_orphans` from lesson 2 looks
# for the lists of dead processes. A worker process calls it by itself, as you read there. None is alive now, so you call it:

# %%
from minijobs import log, rescue_orphans

rescued, left = rescue_orphans(), redis.ttl(worker.identity)
rescued, "between 1 and 20 s" if 0 < left <= 20 else left

# %% [markdown]
# Nothing was rescued, hence the `0`: nobody knows yet that the process is dead, because its heartbeat is still there. A
# process writes it every five seconds, and each time tells Redis to delete it 20 seconds later. `ttl` says how many of these
# are left. You need not wait for that: delete it yourself. What `rescue_orphans` writes to the log is shown, too.

# %%
redis.delete(worker.identity)
shown = log.show(sys.stdout)
rescued = rescue_orphans()
log.logger.removeHandler(shown)
where(jid)

# %% [markdown]
# The job is back in its queue. Now the archive is available, and a new process starts.

# %% tags=["hide-input"]
mails = predict(
    "The new process runs the job. How many mails will Ada have in all?",
    a="Two.",
    b="One: the job continues where it stopped.",
    guess=None,
)
mails

# %%
(worker.folder / "archive").touch()
again = start_worker("-r gifs.py -c 1")
wait_until(lambda: where(jid) == "nowhere")
lines = again.stop()

# %%
inbox

# %% tags=["hide-input"]
mails.answer(
    f"the inbox holds {len(inbox)} mails",
    a=len(inbox) == 2,
    b=len(inbox) == 1,
)

# %% [markdown]
# Nobody knows how far the first run got, so the second one starts from the beginning. That is the price: no job is lost with
# its process, and so it may run twice. This is called *at least once*. A loop with `BRPOP` is the opposite, *at most once*.
# (At least once holds as long as Redis itself has the jobs. What if Redis is killed? That comes at the end.)

# %% [markdown]
# ## Killed after every line
#
# Two mails are a nuisance; two payments are worse. The GIFs cost money now: `take_payment(email, cents)` asks a *payment
# provider* for it, another company with its own books. `payments()` shows what is in them.

# %%
head = """
from lessons.kit import take_payment
from minijobs import Worker, connection

redis = connection.current()

class PaymentWorker(Worker):
    def perform(self, email, cents):
"""

# %%
write("plain.py", head + """
        take_payment(email, cents)
""")

# %% [markdown]
# One idea: make a note once the payment has been taken, and look for that note first. `self.jid` is the job's id, the same
# in both runs.

# %%
write("afterwards.py", head + """
        if redis.sismember("taken", self.jid): return
        take_payment(email, cents)
        redis.sadd("taken", self.jid)
""")

# %% [markdown]
# Or the other way round: first make the note, then take the payment.

# %%
write("before.py", head + """
        if redis.sismember("taken", self.jid): return
        redis.sadd("taken", self.jid)
        take_payment(email, cents)
""")

# %% [markdown]
# Which of the three is right wherever it is killed? To find out, kill it everywhere. `run_in_process` runs the next job in a
# process of its own, and kills that process after the given number of lines of `perform`. `rescue()` does what you did by hand:
# it deletes the heartbeats of dead processes, and rescues their jobs. Then the job is run again, to its end. How many payments
# were taken?

# %%
from lessons.kit import empty_the_shop, payments, rescue, run_in_process
from minijobs import Client

def taken(file, lines):
    empty_the_shop(), redis.delete("taken"), Queue("default").clear()
    job = {"class": "PaymentWorker", "args": ["ada@example.com", 500]}
    Client().push(job)
    run_in_process(file, killed_after=lines)
    rescue()
    run_in_process(file)
    return len(payments())

# %%
files = ["plain.py", "afterwards.py", "before.py"]
taken("plain.py", 0), taken("plain.py", 1)

# %% [markdown]
# Killed before the first line: one payment, from the second run. Killed after it: two. Now the other two files.

# %% tags=["hide-input"]
noted = predict(
    "Killed after each line in turn: which file always has one payment?",
    a="afterwards.py: it notes what has happened.",
    b="before.py: nothing can happen that is not noted.",
    c="both of them.",
    d="neither.",
    guess=None,
)
noted

# %%
seen = kill_everywhere(files, "perform", taken, of="payments", right=1)
seen

# %% tags=["hide-input"]
counts = [[kill.count for kill in seen.rows[name]] for name in files[1:]]
after, before = ([count == 1 for count in one] for one in counts)
noted.answer(
    f"payments afterwards: {counts[0]}, before: {counts[1]}",
    a=all(after) and not all(before),
    b=all(before) and not all(after),
    c=all(before) and all(after),
    d=not all(before) and not all(after),
)

# %% [markdown]
# Look at one moment more closely: killed after the second line.

# %%
taken("afterwards.py", 2), taken("before.py", 2)

# %% [markdown]
# The payment is in one place and the note in another, and there is always a moment between the two lines. Killed at that
# moment, one file takes the payment twice, and the other never takes it.

# %% [markdown]
# ## A key for each payment
#
# No order of the lines helps, as long as only your side makes notes. The provider has to help. It accepts a *key* with each
# payment: a text that you choose. (It is not a key in Redis.) If the provider has seen the key before, it takes no money, and
# returns what it returned then.

# %%
write("key.py", head + """
        take_payment(email, cents, key=self.jid)
""")

# %%
kill_everywhere(["key.py"], "perform", taken, of="payments", right=1)

# %% [markdown]
# Now the job may run as often as it likes: it is *idempotent*. Doing it twice has the same effect as doing it once. *Exactly
# once* is not something that a queue can give you. A job runs at least once, and has its effect once, because the receiver
# recognizes the second request.
#
# Nobody recognizes the second mail. There you have to choose: would you rather send two, or none?
#
# The key must be the same in the second run, so do not make it at random, or from the clock. Make it from what the payment
# is for. And it must be different for every other payment.

# %% [markdown]
# ## A push in a transaction
#
# The shop has a database: SQLite, which comes with Python. `database()` opens it. Changes are grouped into a *transaction*: all
# of them happen, at the `commit`, or none of them, after a `rollback`.

# %% [markdown]
# When a new order is inserted, a job should confirm it. This one only looks the order up. A worker process is free.

# %%
write("confirm.py", """
from lessons.kit import database
from minijobs import Worker

class ConfirmWorker(Worker):
    def perform(self, order):
        query = "SELECT email FROM orders WHERE number = ?"
        found = database().execute(query, [order]).fetchone()
        print(f"order {order}: {found}")
""")

# %%
import confirm
from lessons.kit import database

insert = "INSERT INTO orders (email, cents) VALUES (?, ?)"
empty_the_shop(), Queue("default").clear()
buyer = ["ada@example.com", 500]

# %% tags=["hide-input"]
early = predict(
    "You insert order 1, push its job, commit a bit later. The job finds …",
    a="nothing.",
    b="the order: it was inserted before the push.",
    c="the order, because the job does not run before the commit.",
    guess=None,
)
early

# %%
db = database()
order = db.execute(insert, buyer).lastrowid
confirm.ConfirmWorker.perform_async(order)
ended = run_in_process("confirm.py")
db.commit()
ended

# %% tags=["hide-input"]
early.answer(
    f"it found {ended.printed.partition(': ')[2].strip()}",
    a="None" in ended.printed,
    b="ada" in ended.printed and ended == "done",
    c=ended != "done",
)

# %% [markdown]
# Until the commit, nobody else sees the order. Redis knows nothing about the transaction: the job was there at once, and ran
# before the commit. It found no order, and counts as done all the same. If the worker process had been slower, all would have
# gone well: a bug like this comes and goes.
#
# And if the transaction is rolled back?

# %%
order = db.execute(insert, buyer).lastrowid
confirm.ConfirmWorker.perform_async(order)
db.rollback()
run_in_process("confirm.py")

# %%
from lessons.kit import orders

[number for number, *_ in orders()]

# %% [markdown]
# There is no order 2, but its job ran. A rollback does not undo a push: if this had been a payment, it would have been taken for
# nothing.

# %% [markdown]
# ## After the commit, then
#
# Push once the order is safe. Here are both versions, as a web page would have them:

# %%
page = """
from lessons.kit import database
from confirm import ConfirmWorker

insert = "INSERT INTO orders (email, cents) VALUES (?, ?)"

def buy(email, cents):
    db = database()"""

# %%
write("inside.py", page + """
    order = db.execute(insert, [email, cents]).lastrowid
    ConfirmWorker.perform_async(order)
    db.commit()
""")

# %%
write("after.py", page + """
    order = db.execute(insert, [email, cents]).lastrowid
    db.commit()
    ConfirmWorker.perform_async(order)
""")

# %% [markdown]
# The process that serves the page may be killed, too. So kill it after every line, and count the jobs and the orders. Each
# order should have one job, so the difference, jobs minus orders, should be 0.

# %%
def jobs_minus_orders(file, lines):
    empty_the_shop(), Queue("default").clear()
    run_in_process(file, "buy", *buyer, killed_after=lines)
    if file == "outbox.py":  # it comes later
        run_in_process("sweep.py", "sweep")
    return len(Queue("default")) - len(orders())

# %% tags=["hide-input"]
later = predict(
    "after.py, killed between the commit and the push. There is …",
    a="an order and its job.",
    b="an order and no job.",
    c="a job and no order.",
    d="neither.",
    guess=None,
)
later

# %%
both, of = ["inside.py", "after.py"], "jobs minus orders"
kill_everywhere(both, "buy", jobs_minus_orders, of=of, right=0)

# %% tags=["hide-input"]
jobs_minus_orders("after.py", 3)
jobs, found = len(Queue("default")), len(orders())
later.answer(
    f"orders: {found}, jobs: {jobs}",
    a=(found, jobs) == (1, 1),
    b=(found, jobs) == (1, 0),
    c=(found, jobs) == (0, 1),
    d=(found, jobs) == (0, 0),
)

# %% [markdown]
# With the push inside the transaction, there may be a job without an order. With the push after the commit, there may be an order
# without a job, which nobody will ever confirm. Again there are two places, and a moment between two lines.

# %% [markdown]
# ## The outbox
#
# So write to one place only. A push that is to be made becomes a row in a table, the *outbox*, in the same transaction as
# the order. Both are there, or neither is. Then `sweep` goes through the table, pushes a job for each row, and deletes the
# row. It is to be called once a minute, so a job may wait for so long until it is pushed.

# %%
write("outbox.py", page + """
    order = db.execute(insert, [email, cents]).lastrowid
    db.execute("INSERT INTO outbox (number) VALUES (?)", [order])
    db.commit()
""")

# %%
write("sweep.py", page.partition("insert")[0] + """
def sweep():
    db = database()
    for number, in db.execute("SELECT number FROM outbox").fetchall():
        ConfirmWorker.perform_async(number)
        db.execute("DELETE FROM outbox WHERE number = ?", [number])
        db.commit()
""")

# %%
kill_everywhere(["outbox.py"], "buy", jobs_minus_orders, of=of, right=0)

# %% [markdown]
# And what if the process that sweeps is killed after the push, before the row is deleted? Then the next one pushes the job again:

# %%
empty_the_shop(), Queue("default").clear()
run_in_process("outbox.py", "buy", "ada@example.com", 500)
swept = run_in_process("sweep.py", "sweep", killed_after=3)
run_in_process("sweep.py", "sweep")
swept, len(Queue("default")), len(orders())

# %% [markdown]
# Two jobs for one order. The outbox is *at least once*, too, and that is enough: an idempotent job may be there twice. But note
# that these are two jobs, with two ids. Here the jid would be the wrong key.

# %% [markdown]
# ## A job that kills
#
# Some jobs kill their process every time: a picture is too large for the memory, or a library in C has a bug. This one does it
# on purpose. Such a job is called a *poison pill*.

# %%
write("poison.py", """
import os, signal
from minijobs import Worker

class PictureWorker(Worker):
    def perform(self):
        os.kill(os.getpid(), signal.SIGKILL)
""")

# %% tags=["hide-input"]
poison = predict(
    "The job is run and rescued, again and again. How does it end?",
    a="Never: no failure is recorded, so no retries are used up.",
    b="After some rescues it goes to dead.",
    c="After the first time it goes to retry, as a failure.",
    guess=None,
)
poison

# %%
from lessons.kit import Table

Queue("default").clear()
pill = Client().push({"class": "PictureWorker", "args": []})
rows = []
while where(pill) == "queue:default" and len(rows) < 30:
    how = run_in_process("poison.py")
    rows.append([how, rescue(), where(pill)])

Table(["the process", "rescued", "the job is in"], rows)

# %% tags=["hide-input"]
poison.answer(
    f"after {len(rows)} times, the job is in {where(pill)}",
    a=where(pill) == "queue:default",
    b=where(pill) == "dead" and len(rows) > 1,
    c=where(pill) == "retry",
)

# %%
from minijobs import DeadSet

DeadSet().find(pill)["error_message"]

# %% [markdown]
# The third rescue is the last one. Otherwise a job like this would kill one process after another, and all other jobs would
# suffer.

# %% [markdown]
# ## Redis itself
#
# All of this holds as long as Redis has the jobs. It keeps everything in memory. What if Redis itself is killed? The lesson
# starts another server to try that, with the default settings.

# %%
from lessons.kit import start_redis

other = start_redis()
other.redis.config_get("save"), other.redis.config_get("appendonly")

# %% [markdown]
# `save` says when Redis writes a *snapshot*, all of its memory, to a file: after an hour if there was one change, after five
# minutes if there were 100, after one minute if there were 10,000. Next, a thousand jobs are pushed,
# and then this Redis is killed.

# %% tags=["hide-input"]
lost = predict(
    "1,000 jobs, and Redis is killed. How many wait when it starts again?",
    a="1,000: a database saves what it confirms.",
    b="0.",
    c="Most of them; the last ones are lost.",
    guess=None,
)
lost

# %%
def push(server, count):
    bulk = {"class": "GifWorker", "args": [[n] for n in range(count)]}
    Client(server.redis).push_bulk(bulk)

def waiting(server):
    return {job.jid for job in Queue("default", server.redis)}

# %%
def restart(server):
    before = waiting(server)
    server.kill()
    server.start()
    after = waiting(server)
    return len(before), len(before - after), len(after - before)

# %%
other.redis.flushall()
push(other, 1000)
there, gone, back = restart(other)
there, gone

# %% tags=["hide-input"]
lost.answer(
    f"of {there} jobs, {gone} are gone",
    a=there > 0 and gone == 0,
    b=there > 0 and gone == there,
    c=0 < gone < there,
)

# %% [markdown]
# All are gone, although every push had been confirmed: Redis was killed before it had written a snapshot of them. Now with one,
# made by hand. After it, 100 jobs are run, and 400 more are pushed:

# %%
results = [["default settings", there, gone, back]]

other.redis.flushall()
push(other, 600)
other.redis.save()
other.redis.rpop("queue:default", 100)  # run, and done
push(other, 400)
results.append(["a snapshot after 600", *restart(other)])
results[-1]

# %% [markdown]
# Of the 900 that were waiting, 400 are gone: they were pushed after the snapshot. And 100 that were done are back. They will run
# *again*.
#
# Redis can do better. With `appendonly yes`, it appends each change to a file, the *append-only file*, before it answers.

# %%
safe = start_redis("--appendonly yes")
push(safe, 600)
safe.redis.rpop("queue:default", 100)
push(safe, 400)
results.append(["append-only file", *restart(safe)])
safe.redis.config_get("appendfsync")

# %%
Table(["Redis keeps", "waiting", "gone", "back again"], results[:3])

# %% [markdown]
# With the file, nothing is gone, and nothing comes back. That is true if Redis is killed. If the machine itself loses power,
# about a second of changes may be missing: `everysec` is how often Redis makes sure that the file is on the disk. So before you
# rely on a queue, ask its Redis: `CONFIG GET appendonly`.

# %% [markdown]
# ## Change something
#
# Write your own version into this cell, and have it killed everywhere. Does it help to delete the note again, or to make two
# notes, *begun* and *done*? (In the terminal, type `p` for a Python prompt. The tools of this lesson are in `make try-8`, too.)

# %%
write("mine.py", """
from lessons.kit import take_payment
from minijobs import Worker, connection

class PaymentWorker(Worker):
    def perform(self, email, cents):
        take_payment(email, cents)
""")

# %%
kill_everywhere(["mine.py"], "perform", taken, of="payments", right=1)

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | A plain pop is safe. | The loop was killed, and its entry was gone. |
# | A job runs exactly once. | It started over, and Ada got two mails. |
# | It is enough to make a note. | Killed in between: two payments, or none. |
# | A rollback undoes the push. | Its job ran, and there is no order 2. |
# | Redis keeps what it has confirmed. | A thousand jobs were gone. |
#
# ## To keep
#
# 1. A job whose process is killed runs again. Write it so that it may run twice.
# 2. Between two writes to two places, a process may die. Use a key, or an outbox.
# 3. A push is part of no transaction: push after the commit; or, if it must not be lost, from an outbox.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *at least once*, *at most once*, *idempotent*,
# *transaction*, *outbox*, *poison pill*, *snapshot*, *append-only file*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_08_the_crash/exercise.py](../lessons/lesson_08_the_crash/exercise.py). It is the whole shop: an order, a
# payment, a receipt. The check kills it after every step.

# %% [markdown] tags=["terminal-only"]
# Then run `make check-8`. `make hint-8` and `make try-8` are there, too.
#
# [Contents](../lessons/README.md) · Previous: [7 · Later](07_later.ipynb) · Next: [9 · The app](09_the_app.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save it, and run the next cell. `hint(8)` is there, too, and `make try-8` in a terminal.
#
# [Contents](../lessons/README.md) · Previous: [7 · Later](07_later.ipynb) · Next: [9 · The app](09_the_app.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(8)
