# %% [markdown]
# # 1 · The wait
#
# **What does `perform_async` give me that `perform` does not?**
#
# 15 minutes. Before this: you know Python. Redis, queues and jobs are explained as they come up.
#
# At the end you can say what each of two nearly identical calls does, and you will have seen it happen.
#
# [Contents](../lessons/README.md) · Next: [2 · Watching Redis](02_watching_redis.ipynb)

# %% [markdown]
# ## An application that makes people wait
#
# Take a small web application. Its page has a form with two fields: an e-mail address and a thought. You press *send*, and
# the application mails the thought, with a funny picture, to that address.
#
# In this lesson, it comes with two things:
#
# - **An inbox.** This lesson has a mail server of its own. It keeps every mail, so that you can look at it.
# - **Redis.** Redis is a program that keeps data under names. The names are called *keys*. It runs beside your application,
#   and other programs can use the same one. It is empty now. (You need not install it: these lessons bring a stand-in that
#   runs inside them and answers as Redis does. If you name a Redis of your own in `REDIS_URL`, they use that one, and show
#   the same.)

# %%
from lessons.kit import catch_mail, clock, commands, keys, predict, start

redis = start()
inbox = catch_mail()
inbox

# %% [markdown]
# `create` is what the application calls when somebody presses *send*. `send_gif` makes a picture and mails it. That takes
# five seconds.

# %%
from lessons.kit import send_gif

def create(email, thought):
    send_gif(email, thought)
    return f"You did it! Email sent to {email}"

# %% [markdown]
# Press the button: call `create`. `clock` only measures how long that takes.

# %%
with clock("create") as visit:
    message = create("ada@example.com", "hello")

print(f"{visit.seconds:.1f} s until the page said: {message}")
inbox

# %% [markdown]
# The mail is there. But the visitor waited for the whole delivery, looking at a page that did not change. So will the next
# visitor, and everybody else who presses the button.
#
# ## Two calls that look alike
#
# The work moves into a class of its own. Such a class is called a **Worker**. It has one method that you write: `perform`.

# %%
from minijobs import Worker

class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)
        return f"sent to {email}"

# %% [markdown]
# You can now write two things:
#
# ```python
# SendGifToUserWorker().perform("ada@example.com", "hello")
# SendGifToUserWorker.perform_async("ada@example.com", "hello")
# ```
#
# The names come from Sidekiq, a library for Ruby that runs background jobs with Redis. `minijobs`, the library of these
# lessons, copies its names and the way it uses Redis. These lessons grew out of a post, *Sidekiq and Background Jobs for
# Beginners*. Its author had both kinds of call in a large program, and asked: *which one is using Sidekiq?*
#
# ## The first call: `perform`
#
# Before you run it, guess. A guess costs nothing, and you will remember the answer better.

# %% tags=["hide-input"]
first = predict(
    "perform(…) has just returned. What does Redis hold?",
    a="A note that a job has been run.",
    b="Nothing at all.",
    c="A job that waits to be run.",
    guess=None,
)
first

# %%
with clock("perform") as direct:
    answer = SendGifToUserWorker().perform("ada@example.com", "directly")

print(f"{direct.seconds:.1f} s, and it returned {answer!r}")

# %% [markdown]
# It took as long as before. Now look into Redis. `keys()` lists everything that Redis holds. `commands()` lists the
# commands that `minijobs` has sent to Redis since you last asked. (What you send yourself, in order to look, is left out.)

# %%
keys()

# %%
told_directly = commands()
told_directly

# %%
inbox

# %% tags=["hide-input"]
first.answer(
    f"Redis holds {len(redis.keys())} keys",
    a=redis.exists("queue:default") == 0 and len(redis.keys()) > 0,
    b=len(redis.keys()) == 0,
    c=redis.exists("queue:default") == 1,
)

# %% [markdown]
# Redis holds nothing, and `minijobs` did not even talk to it. `SendGifToUserWorker()` makes an object and `.perform(…)`
# calls a method. That is all. It is the same Python as before, and it takes the same five seconds. The class is a Worker,
# but nothing was done in the background.
#
# ## The second call: `perform_async`

# %% tags=["hide-input"]
second = predict(
    "perform_async(…) has just returned. What happened to the mail?",
    a="It has not been sent, and nothing here is sending it.",
    b="It was sent, only faster.",
    c="It is being sent right now, in the background of this program.",
    guess=None,
)
second

# %%
before = len(inbox)
with clock("perform_async") as queued:
    jid = SendGifToUserWorker.perform_async("ada@example.com", "queued")

at_once = len(inbox)

print(f"{queued.seconds:.1f} s, and it returned {jid!r}")

# %% [markdown]
# That was quick. But what came back is not `'sent to ada@example.com'`. Look at what Redis holds now. The `+` marks what is
# new since you last looked.

# %%
keys()

# %% [markdown]
# This is a **job**: one call of `perform`, written down as text, waiting to be made. `class` says which Worker, `args` says
# with which arguments. `jid` is the *job id*, and that is what `perform_async` returned: a receipt, not a result. (The rest
# is for later lessons.) There is no object of yours in it. That is why `perform_async` is called on the class, without `()`.
#
# The job is in a list under the key `queue:default`. A list in which jobs wait is called a **queue**. Putting a job there
# is called *pushing* it. These are the commands that `minijobs` sent: `SADD` adds the queue's name to a set of names, so
# that all queues can be listed. `LPUSH` puts the job into the list.

# %%
told_queued = commands()
told_queued

# %% [markdown]
# And the mail?

# %%
inbox

# %% [markdown]
# Not there. Is it on its way, perhaps? Give it six seconds, one more than a mail takes.

# %%
from lessons.kit import let_time_pass

let_time_pass(6)
inbox

# %% tags=["hide-input"]
second.answer(
    f"{at_once} mails right after the call, {len(inbox)} mails later",
    a=len(inbox) == at_once == before,
    b=at_once > before,
    c=len(inbox) > at_once,
)

# %% [markdown]
# Still no new mail. The job waits in Redis, and it would wait for ever. Nothing in this program is going to run it.
#
# ## Who does the work, then?
#
# Another program: the **worker process**. It takes a job out of a queue, finds the Worker by its name, calls `perform` with
# the arguments, and takes the next job. Usually it runs on another machine. The mail still takes five seconds there, but no
# visitor waits for it.
#
# In this lesson you play its part, by hand, one job at a time. A `Fetcher` takes jobs out of a queue, and a `Processor`
# runs them. `process_one()` does both, once.

# %%
from minijobs import Fetcher, Processor

processor = Processor(Fetcher("default"))
outcome = processor.process_one()
outcome.name

# %%
inbox

# %%
keys()

# %% [markdown]
# Now the mail is there. The `-` says that `queue:default` is gone: the only job in it was taken, and Redis does not keep
# empty lists. (`queues` keeps the names of queues, and `inflight` belongs to the worker process: lesson 2 explains both.)
#
# ## Side by side

# %%
from lessons.kit import Table

waited = [f"{call.seconds:.1f} s" for call in (direct, queued)]
Table(
    ["", "perform", "perform_async"],
    [
        ["you waited", *waited],
        ["it returned", answer, jid],
        ["sent to Redis", told_directly.names(), told_queued.names()],
    ],
)

# %% [markdown]
# Here is the same as a picture: who was busy, and when. Your code, the worker process and the inbox have a lane
# each. A bar is something that takes time, a dot something that happens at once. (The time that you spent reading is left
# out. The gap before the run is the six seconds that you let pass.)

# %%
from lessons.kit import timeline

timeline()

# %% [markdown]
# Look at `perform_async`: your code is done at once. The job itself still takes its five seconds. It is not faster. The
# worker process spends the time, later.
#
# ## Change something
#
# Three jobs this time. In what order will the mails arrive? (`llen` counts the entries of a list. `process_one()` returns
# `None` when there is no job, so the loop ends.)

# %%
for thought in ["one", "two", "three"]:
    SendGifToUserWorker.perform_async("grace@example.com", thought)

while processor.process_one():
    print("still waiting in Redis:", redis.llen("queue:default"))

inbox

# %% [markdown]
# The job that was pushed first ran first.
#
# Change the thoughts or their number, and run it again: in a notebook, in the cell itself; in the terminal, type `p` for a
# Python prompt that knows everything from this lesson.

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | A Worker's `perform` goes through the queue: it is a Worker, after all. | After `perform`, Redis held nothing and had received no command. |
# | `perform_async` gives me the result of `perform`. | It returned a job id, before `perform` had even begun. |
# | When `perform_async` has returned, the mail has been sent. | Six seconds later the inbox had no new mail. It came when the job was run. |
# | A background job makes the work faster. | The worker process was busy for just as long. Only your code was not. |
#
# ## To keep
#
# 1. `Worker().perform(…)` is a plain call: here, now, and Redis never hears of it.
# 2. `Worker.perform_async(…)` writes a job down in Redis and returns its id. Nothing has been done yet.
# 3. The work is done when a worker process takes the job out of the queue.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *Redis*, *key*, *Worker*, *job*, *job id*,
# *list*, *set*, *queue*, *push*, *worker process*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_01_the_wait/exercise.py](../lessons/lesson_01_the_wait/exercise.py). The application in it still makes
# its visitors wait. Turn the sending into a background job.

# %% [markdown] tags=["terminal-only"]
# - `make check-1` tells you whether it is right, and if not, which misconception is probably behind it.
# - `make hint-1` gives a hint, and each time one more. `make solution-1` shows a solution once yours is right.
# - `make try-1` is a Python prompt with your exercise loaded. `keys()`, `commands()` and `inbox` are there, too.
#
# [Contents](../lessons/README.md) · Next: [2 · Watching Redis](02_watching_redis.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save it, and run the next cell. It tells you whether your exercise is right, and if not, which misconception is probably
# behind it. `hint(1)` in a cell of your own gives a hint, and each time one more. `solution(1)` shows a solution once yours
# is right. `progress()` says what is next. For a Python prompt with your exercise loaded, open a terminal (File > New >
# Terminal) and type `make try-1`.
#
# [Contents](../lessons/README.md) · Next: [2 · Watching Redis](02_watching_redis.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(1)
