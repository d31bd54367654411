# %% [markdown]
# # 9 · The app
#
# **Can I find the bug in a real application?**
#
# 30 minutes, and as long again for the exercise. Before this: the other lessons, above all [3 · Retries](03_retries.ipynb),
# [5 · Testing](05_testing.ipynb), [6 · The worker process](06_the_worker_process.ipynb) and [8 · The
# crash](08_the_crash.ipynb).
#
# At the end you can say how to get from a complaint to the line that causes it, and why a problem may remain when its error is
# gone.
#
# [Contents](../lessons/README.md) · Previous: [8 · The crash](08_the_crash.ipynb) · Next: [10 · Growing](10_growing.ipynb)

# %% [markdown]
# In each lesson so far you knew what it was about. In real life nobody tells you. Somebody writes "my mail did not come", and you
# have an application of several files, with several processes.
#
# So here is one. It is the application from the post, grown a little: a page with forms, jobs, the dashboard, an inbox. Several
# people have written to you. This cell starts all of it, as it was handed out.

# %%
from lessons.kit import Table, keys, predict, run, start
from lessons.lesson_09_the_app.tools import (
    addresses, open_app, push_commands, tickets,
)

redis = start(server=True)
app = open_app()
addresses(app)

# %% [markdown]
# While the lesson runs, you can open these three. At its end, all of it is gone.
#
# Which processes belong to the application is written in a file, the *Procfile*, one line for each. `release` runs once, before
# the others.

# %%
print((app.folder / "Procfile").read_text(), end="")

# %%
rows = [[file.name, len(file.read_text().splitlines())]
        for file in sorted(app.folder.glob("*.py"))]
Table(["file", "lines"], rows)

# %% [markdown]
# ## The instruments
#
# First a run that goes well, seen through every instrument. Linus closes his account. `press` does what a browser does: it sends
# the form, and shows the answer. Meanwhile `monitor` records the commands that Redis receives, from any process.

# %%
with app.monitor() as told:
    page = app.press("goodbye", name="linus")

page

# %% [markdown]
# That was the first instrument, **the page**. Second, **the monitor**: one job was pushed.

# %%
push_commands(told)

# %% [markdown]
# Third, **the log** of the worker process. (`settle` waits until no job is running any more. A mail takes five seconds, as
# in lesson 1.) Fourth, **the keys**.

# %%
app.settle()
print(*app.log[-2:], sep="\n")

# %%
keys("queue|retry|dead|schedule")

# %% [markdown]
# No job is left. Fifth, **the inbox**:

# %%
app.inbox

# %% [markdown]
# Sixth, **the dashboard**. You have its address; in a terminal, `minijobs stats` shows the same numbers. They are written with
# each heartbeat, so wait for the next one first.

# %%
app.workers[0].next_beat()
run("minijobs stats")

# %% [markdown]
# And the page has its own log, `app.web_log`. That is all there is. Remember how it looks when all is well: page, push, start,
# done, mail.

# %% [markdown]
# ## Six tickets
#
# A *ticket* is a problem, in the words of the person who has it: what they saw, and what they expected. They do not know what a
# queue is.

# %%
tickets(1, 3)

# %%
tickets(4, 6)

# %% [markdown]
# You could read all the code now, and look for something that is wrong. With 300 lines that may even work. With 300,000 it does
# not. So start from the ticket.
#
# ## The first one: make it happen again
#
# The mail server was busy when Ada pressed the button. To *reproduce* a problem is to make it happen again, before your eyes.
# `refuse(1)` makes the mail server refuse one mail.

# %% tags=["hide-input"]
lost = predict(
    "The mail server refuses Ada's mail. Where in Redis is a job for her?",
    a="In retry: it has failed.",
    b="Nowhere.",
    c="In dead.",
    d="In its queue: it waits until the mail server works again.",
    guess=None,
)
lost

# %%
app.inbox.refuse(1)
with app.monitor() as told:
    page = app.press("thoughts", email="ada@example.com", thought="hello")

page

# %% tags=["hide-input"]
places = [key for key, _ in app.jobs("SendGifToUserWorker")]
lost.answer(
    f"Redis holds {len(places) or 'no'} jobs of SendGifToUserWorker",
    a="retry" in places,
    b=not places,
    c="dead" in places,
    d="queue:default" in places,
)

# %% [markdown]
# Reproduced: Ada's error. Now go through the instruments, and look for the first one that differs from the run that went
# well. (`app.jobs(…)` lists the jobs of a Worker, each with the key that it is in.)

# %%
push_commands(told)

# %%
[line for line in app.log if line.startswith("SendGif")]

# %% [markdown]
# No push, and so no start either. The worker process knows nothing about Ada. That tells you something, too: whatever went wrong,
# it did not go wrong in a job. What is left is the page, and its log. This is the last traceback in it, without the lines that
# are not part of this application:

# %%
print(*app.traceback(), sep="\n")

# %% [markdown]
# This is the way from the ticket to the line. The page itself waited for the mail server, in a call of `perform`. Where else does
# that word appear?

# %%
for number, line in enumerate((app.folder / "web.py").open(), start=1):
    if "perform" in line:
        print(number, line.rstrip())

# %% [markdown]
# Five pushes, and one plain call. It is the bug from lesson 3.
#
# ## A quick change
#
# What the user saw is called the *symptom*. Here it is the error. So somebody catches it. This is what `web.py` says then:

# %%
call = "    SendGifToUserWorker().perform(email, thought)\n"
caught = f"    try:\n    {call}    except Exception:\n        pass\n"
if caught not in (app.folder / "web.py").read_text():
    app.change("web.py", call, caught)
print(caught)

app.restart()
app.inbox.refuse(1)
app.press("thoughts", email="ada@example.com", thought="hello")

# %% tags=["hide-input"]
hidden = predict(
    "The mail server works again. An hour later, Ada has …",
    a="no mail.",
    b="one mail: by then, somebody has tried again.",
    guess=None,
)
hidden

# %%
app.later()  # as if an hour had passed
app.inbox

# %% tags=["hide-input"]
hidden.answer(
    f"{app.inbox.sent('ada@example.com')} mails went to Ada",
    a=app.inbox.sent("ada@example.com") == 0,
    b=app.inbox.sent("ada@example.com") == 1,
)

# %% [markdown]
# It is worse than before. The page says "You did it!", and there is no error in any log. The symptom is gone, and the
# problem is not. The next ticket will be harder.
#
# A loop that tries three times, a pause before the next try, a longer timeout: all of these are of the same kind. They only make
# the ticket rarer.
#
# ## A change that cures it

# %%
push = "    SendGifToUserWorker.perform_async(email, thought)\n"
app.change("web.py", caught, push)
app.restart()
app.inbox.refuse(1)
app.press("thoughts", email="ada@example.com", thought="hello")

# %% [markdown]
# That is the start of the cure. Play the whole story, to its end. The job has failed once, because the mail server was busy for
# one mail:

# %%
app.settle()
[key for key, _ in app.jobs("SendGifToUserWorker")]

# %% [markdown]
# And an hour later. Nobody has to wait for it: `app.later()` makes due whatever waits for a moment within the next hour.
# Each of these jobs runs once, now.

# %%
app.later()
app.inbox

# %% [markdown]
# Ada has her mail. (What the page says, "Email sent", is no longer true: nothing has been sent yet. The exercise does not
# ask you to mend that. Your visitors would.)
#
# This is how it goes with every ticket:
#
# | What you do | Why |
# |---|---|
# | Reproduce it. | Otherwise you will never know that it is gone. |
# | Go through the instruments. | Where does it first differ from a run that goes well? |
# | Find the line. | Explain why it does what the ticket says. |
# | Change it, and play the story to its end. | Not only the part that was seen. |

# %% [markdown]
# ## Change something
#
# The mail server may be busy for longer. Here it refuses three mails. How many more tries does it take until Grace has hers?

# %%
app.inbox.refuse(3)
app.press("thoughts", email="grace@example.com", thought="hello")
app.settle()
more_tries = 0
while not app.inbox.sent("grace@example.com") and more_tries < 20:
    app.later()
    more_tries += 1

more_tries

# %% [markdown]
# Let it refuse ten, or kill the worker process in between: `app.workers[0].kill()`, then `app.restart()`. In the terminal, type
# `p` for a Python prompt.

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | What has failed is in retry. | It was not: there was no job. |
# | The log says everything. | The log of the worker process said nothing. |
# | No error, no problem. | The error was caught, and the mail was lost. |
# | Reading the code is enough. | The instruments led to one line of 300. |
#
# ## To keep
#
# 1. First make it happen again, before your eyes. Then look for the line.
# 2. Compare with a run that goes well: the first difference is where you dig.
# 3. Making the error go away does not make the mail come.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *Procfile*, *ticket*, *reproduce*, *symptom*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_09_the_app/app](../lessons/lesson_09_the_app/app). It is the same application, and yours to change. The
# tickets are in
# [lessons/lesson_09_the_app/tickets.md](../lessons/lesson_09_the_app/tickets.md). You know the cure for the first. The other five
# are yours: `make try-9` starts your application, with a Python prompt to look around in it.

# %% [markdown] tags=["terminal-only"]
# Then run `make check-9`, which plays the story of each ticket. `make hint-9` is there, too: it is about the first ticket that is
# still open.
#
# [Contents](../lessons/README.md) · Previous: [8 · The crash](08_the_crash.ipynb) · Next: [10 · Growing](10_growing.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save each file that you have changed, and run the next cell, which plays the story of each ticket. `hint(9)` is there, too: it
# is about the first ticket that is still open.
#
# [Contents](../lessons/README.md) · Previous: [8 · The crash](08_the_crash.ipynb) · Next: [10 · Growing](10_growing.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(9)
