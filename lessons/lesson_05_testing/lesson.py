# %% [markdown]
# # 5 · Testing
#
# **Why did my test pass while nothing worked?**
#
# 30 minutes. Before this: [4 · The morgue](04_the_morgue.ipynb).
#
# At the end you can say what a test of a job has to look at, why a test may pass only every other time, and which bugs a test
# lets through.
#
# [Contents](../lessons/README.md) · Previous: [4 · The morgue](04_the_morgue.ipynb) · Next: [6 · The worker process](06_the_worker_process.ipynb)

# %% [markdown]
# *pytest* is a program that runs tests: functions whose names begin with `test_`, in files whose names do. A test that
# raises an exception has failed, any other has passed. People say *red* and *green*, after the colours in which pytest
# shows them.
#
# This lesson has a small project in a folder of its own. `project.write` writes a file there. `project.pytest()` runs
# pytest there, in a new process, and shows what became of each test.

# %%
from lessons.kit import Project, Table, catch_mail
from lessons.kit import predict, start

redis = start()
inbox = catch_mail()
project = Project()

# %%
project.write("gif.py", '''
from lessons.kit import send_gif
from minijobs import Worker

class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought, seconds=0)
''')

# %% [markdown]
# ## Nothing to assert
#
# A test should not need a Redis. For that, `minijobs.testing` has a *fake mode*: a push puts the job into a list in the
# process that runs the test, and nothing is sent to Redis. `testing.fake()` turns it on.
#
# The author of the post behind these lessons was new to all this. This is the post's first test, with its comment:

# %%
project.write("test_gif.py", '''
from gif import SendGifToUserWorker
from minijobs import testing

testing.fake()

def test_that_email_is_sent():
    SendGifToUserWorker.perform_async("test@test.com", "hello")
    # literally no idea what to assert here...
''')

# %%
project.pytest()

# %% [markdown]
# Green. "Unfortunately, this test passes. :(", says the post: its author did not trust it. Were they right? Take everything
# out of `perform`.

# %% tags=["hide-input"]
empty = predict(
    "perform does nothing any more. The test that email is sent is …",
    a="green.",
    b="red: no email is sent.",
    c="red: minijobs refuses a perform that does nothing.",
    guess=None,
)
empty

# %%
project.write("gif.py", '''
from minijobs import Worker

class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        pass
''')
emptied = project.pytest()
emptied

# %% tags=["hide-input"]
red, said = emptied.colours == [["RED"]], emptied.rounds[0][0].said
empty.answer(
    f"it is {emptied.colours[0][0]}; mails in the inbox: {len(inbox)}",
    a=emptied.colours == [["green"]],
    b=red and "refuse" not in said,
    c=red and "refuse" in said,
)

# %% [markdown]
# A test is red only if something in it raises an exception. What could have raised one here? Do the same in the process of
# this lesson, with a `perform` that prints something:

# %%
from minijobs import Worker, testing

class LoudWorker(Worker):
    def perform(self, email):
        print("perform: mailing", email)

# %%
with testing.fake():
    LoudWorker.perform_async("ada@example.com")

testing.jobs()[-1]

# %% [markdown]
# (With `with`, the fake mode ends where the block ends.) The push has done all that it always does, except that the job went
# into the list and not to Redis. Nothing was printed: `perform` was not called. So it makes no difference what it does.

# %% [markdown]
# ## One job more
#
# The author read on, and found something to assert. `testing.jobs` returns the jobs of a class that are in the list. There
# should be 0 before the push, and 1 after it:

# %%
project.write("test_gif.py", '''
from gif import SendGifToUserWorker
from minijobs import testing

testing.fake()

def test_that_job_is_pushed_to_queue():
    assert len(testing.jobs(SendGifToUserWorker)) == 0
    SendGifToUserWorker.perform_async("test@test.com", "hello")
    assert len(testing.jobs(SendGifToUserWorker)) == 1
''')

# %%
project.pytest()

# %% [markdown]
# Green, and for a reason: a job was pushed. (`perform` is still empty.)
#
# So far, each `project.pytest()` was a new process. With `times=2`, the same test runs twice in one process.

# %% tags=["hide-input"]
twice = predict(
    "The same test runs twice in one process. Nothing else has changed.",
    a="Green, green: each test starts with an empty list.",
    b="Green, red: the second time, the list is not empty at the start.",
    c="Red, red.",
    guess=None,
)
twice

# %%
both = project.pytest(times=2)
both

# %% tags=["hide-input"]
said = both.rounds[1][0].said
twice.answer(
    f"the second time it says {said!r}",
    a=both.colours == [["green"], ["green"]],
    b=both.colours == [["green"], ["RED"]] and said == "assert 1 == 0",
    c=both.colours == [["RED"], ["RED"]],
)

# %%
project.pytest()

# %% [markdown]
# And green again. The list belongs to the process: the second test finds in it what the first one left. A new process
# begins with an empty list.
#
# ## Every other time
#
# The author ran each test only once. But there were two tests in the file, and Rails runs the tests of a file in a random
# order. Add the first test again, and run both in either order:

# %%
project.add("test_gif.py", '''
def test_that_email_is_sent():
    SendGifToUserWorker.perform_async("test@test.com", "hello")
''')
project.pytest()

# %%
project.pytest(backwards=True)

# %% [markdown]
# "The second test passes every-other-time or so", says the post. It depends on which test ran before it. The test that
# asserts nothing leaves a job in the list, and the other one finds it there.

# %% [markdown]
# ## An empty list for each test
#
# The author's remedy was `clear_all`, which empties the list. Call it before each test: that is when pytest calls a function
# named `setup_function`.

# %%
project.add("test_gif.py", '''
def setup_function():
    testing.clear_all()
''')
project.pytest(times=2)

# %%
project.pytest(times=2, backwards=True)

# %% [markdown]
# Green in both orders, both times. But two things are easily forgotten: to write this function into the next file, too; and
# to turn the fake mode off. It stays on until the process ends, for the tests in all other files as well.

# %% [markdown]
# A *fixture* takes care of both. It is a function that prepares something for a test, and cleans up after it. A test asks
# for it by naming an argument after it. `minijobs.testing` has one, `fake_jobs`. A file named `conftest.py` makes it
# available to all tests in the folder:

# %%
project.write("conftest.py", '''
pytest_plugins = ["minijobs.testing"]
''')
project.write("test_gif.py", '''
from gif import SendGifToUserWorker

def test_that_job_is_pushed_to_queue(fake_jobs):
    SendGifToUserWorker.perform_async("test@test.com", "hello")
    assert len(fake_jobs(SendGifToUserWorker)) == 1
''')

# %%
project.pytest(times=2)

# %% [markdown]
# The fake mode is on for this test, and off after it. The list is empty before it and after it. The value of the argument
# is the function `testing.jobs`.
#
# ## A red test
#
# "I'd feel great about a red test", says the post, because "my tests are passing, without the sidekiq worker actually doing
# anything". So are ours: `perform` is still empty.

# %% [markdown]
# A red test needs two things. First, the job must run. `testing.drain` runs the jobs in the list, here and now, until none
# is left, and returns how many it ran:

# %%
testing.clear_all()
with testing.fake():
    LoudWorker.perform_async("grace@example.com")
    ran = testing.drain(LoudWorker)

ran, testing.jobs(LoudWorker)

# %% [markdown]
# Second, the test must look at what the job was for. A mail goes to a mail server, so write a fixture that starts one. The
# lines before `yield` run before the test, and those after `yield` run after it.

# %%
project.write("conftest.py", '''
import pytest
from lessons.kit import catch_mail
pytest_plugins = ["minijobs.testing"]

@pytest.fixture
def inbox():
    inbox = catch_mail()
    yield inbox
    inbox.stop()
''')

# %%
project.write("test_mail.py", '''
from gif import SendGifToUserWorker
from minijobs import testing

def test_that_email_is_sent(fake_jobs, inbox):
    SendGifToUserWorker.perform_async("ada@example.com", "hello")
    testing.drain(SendGifToUserWorker)
    assert [mail["To"] for mail in inbox.mails] == ["ada@example.com"]
''')
project.pytest()

# %% [markdown]
# There it is: a red test, and it says why. There is no mail at all, and there should be one to Ada. Now write the `perform`
# that makes it green. And add a `create`, as in the exercises: what the page calls when a visitor presses the button.

# %%
RIGHT = '''
from lessons.kit import send_gif
from minijobs import Worker

class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought, seconds=0)

def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
'''

# %%
project.write("gif.py", RIGHT)
project.pytest()

# %% [markdown]
# Red, then green, and in between you wrote the code. Keep to that order: if you have never seen a test red, perhaps it
# cannot turn red.

# %% [markdown]
# ## What is a test worth?
#
# Break the code on purpose, in every way that you can think of, and see which tests notice. First, the tests. There are six
# of them, and each calls `create`. `no_assert` asserts nothing. `one_job` and `its_args` look at the push:

# %%
project.write("test_gif.py", '''
from gif import create

def test_no_assert(fake_jobs, inbox):
    create("ada@example.com", "hello")

def test_one_job(fake_jobs, inbox):
    create("ada@example.com", "hello")
    assert len(fake_jobs()) == 1
''')

# %%
project.add("test_gif.py", '''
def test_its_args(fake_jobs, inbox):
    create("ada@example.com", "hello")
    assert fake_jobs()[0]["args"] == ["ada@example.com", "hello"]
''')

# %% [markdown]
# `drained` looks at the mail, as above. `inline` does it in another way: in *inline mode*, a push runs its job at once.

# %%
project.write("test_mail.py", '''
import pytest
from gif import create
from minijobs import testing

def addresses(inbox):
    return [mail["To"] for mail in inbox.mails]
''')

# %%
project.add("test_mail.py", '''
def test_inline(inbox):
    with testing.inline():
        create("ada@example.com", "hello")
    assert addresses(inbox) == ["ada@example.com"]

def test_drained(fake_jobs, inbox):
    create("ada@example.com", "hello")
    testing.drain_all()
    assert addresses(inbox) == ["ada@example.com"]
''')

# %% [markdown]
# `refused` lets the mail server refuse. Then the run must fail, so that the job is tried again. (`pytest.raises` turns it
# round: the test is red if nothing is raised there. `drain_all` drains the jobs of all classes.)

# %%
project.add("test_mail.py", '''
def test_refused(fake_jobs, inbox):
    inbox.refuse(1)
    create("ada@example.com", "hello")
    with pytest.raises(Exception):
        testing.drain_all()
''')

# %%
project.pytest()

# %% [markdown]
# All six are green, as they should be: the code is right. Now the broken versions. Each is one small change to `RIGHT`:

# %%
send = "send_gif(email, thought, seconds=0)"
push = "SendGifToUserWorker.perform_async(email, thought)"

versions = {
    "right": RIGHT,
    "empty": RIGHT.replace(send, "pass"),
    "raises": RIGHT.replace(send, "raise KeyError(email)"),
    "swapped": RIGHT.replace("c(email, thought", "c(thought, email"),
    "address": RIGHT.replace("gif(email", 'gif("test@test.com"'),
}

# %%
catching = f"try: {send}\n        except OSError: print('busy')"

versions |= {
    "direct": RIGHT.replace(".perform_async", "().perform"),
    "twice": RIGHT.replace(push, f"{push}; {push}"),
    "swallows": RIGHT.replace(send, catching),
}

# %% [markdown]
# `empty` does nothing, and `raises` always fails. `swapped` pushes the two arguments the wrong way round. `address` mails
# everything to one address, left over from trying it out. `direct` calls `perform`, and `twice` pushes two jobs. `swallows`
# has a bug from lesson 3: it catches the exception.

# %% tags=["hide-input"]
pushed = predict(
    "one_job counts the jobs that were pushed. Which versions turn it red?",
    a="All seven broken ones: none of them works.",
    b="direct, twice and swapped.",
    c="direct and twice.",
    d="None: in fake mode nothing happens.",
    guess=None,
)
pushed

# %%
worth = project.against("gif.py", versions)
worth

# %% tags=["hide-input"]
found = worth.red("test_one_job")
pushed.answer(
    f"one_job is red with {' and '.join(found)}",
    a=len(found) == 7,
    b=sorted(found) == ["direct", "swapped", "twice"],
    c=found == ["direct", "twice"],
    d=found == [],
)

# %% [markdown]
# This table is the lesson. Read it row by row: **a test is worth as much as the broken versions that turn it red.** The
# first row is worth nothing. `one_job` and `its_args` look at the push, and each misses something: `one_job` is green with
# `swapped`, and `its_args` with `twice`. Neither notices a broken `perform`. `inline` and `drained` look at the mail, and
# notice most. But with `direct` they are green: a mail arrives, and they do not ask whether there was a job.
#
# Only `refused` notices `swallows`. It asks for an exception when the jobs are drained, whichever that is. `raises` raises
# one, so it is green. `direct` raises one as well, but in `create`, before the lines where it is expected: red.

# %% [markdown]
# Breaking code on purpose to see which tests notice is called *mutation testing*, and there are tools for it. Which of our
# tests do you need so that each broken version turns at least one of them red?

# %%
broken = set(versions) - {"right"}

def missed(*tests):
    noticed = worth.red(*(f"test_{test}" for test in tests))
    return sorted(broken - set(noticed))

# %%
rows = []
for tests in ("one_job its_args", "drained", "one_job drained",
              "one_job drained refused"):
    rows.append([tests, " ".join(missed(*tests.split())) or "-"])
Table(["the tests", "no test notices"], rows)

# %% [markdown]
# The push and its effect are two things to test, and the failure is a third.
#
# ## Four ways to run a job in a test
#
# You have seen three: a direct call, inline mode, and fake mode with `drain`. The fourth is the real thing: a Redis, and one
# step of a worker process, as in lesson 2. Here is a function for each. (`log.show(sys.stdout)` prints the log, as before.)

# %%
def directly(worker, *args):
    worker().perform(*args)

def inline(worker, *args):
    with testing.inline():
        worker.perform_async(*args)

# %%
import sys
from minijobs import Fetcher, Processor, log

log.show(sys.stdout)

def drained(worker, *args):
    with testing.fake():
        worker.perform_async(*args)
        testing.drain(worker)

def with_redis(worker, *args):
    worker.perform_async(*args)
    Processor(Fetcher("default")).process_one()

# %% [markdown]
# And here are three bugs: an argument that is not JSON, a queue that no worker process serves (look at the spelling), and a
# job that is not tried again when it fails. Each `perform` notes in `called` that it was.

# %%
called = []

class Birthday(Worker):
    def perform(self, day):
        called.append(day)

class Misspelt(Birthday):
    queue = "defualt"

# %%
class Fragile(Worker):
    retry = False

    def perform(self, day):
        called.append(day)
        raise ConnectionError("nobody answers")

# %%
def tried(worker, argument):
    outcomes = []
    for way in (directly, inline, drained, with_redis):
        called.clear()
        try:
            way(worker, argument)
            outcomes.append("it ran" if called else "it did not run")
        except Exception as error:
            outcomes.append(type(error).__name__)
    return outcomes

# %% [markdown]
# First the argument: a `date`. In lesson 2 a push refused one.

# %% tags=["hide-input"]
not_json = predict(
    "Which of the four refuse an argument that is not JSON?",
    a="All four.",
    b="Only with_redis: only Redis needs JSON.",
    c="All but the direct call.",
    guess=None,
)
not_json

# %%
from datetime import date

WAYS = ["", "directly", "inline", "drained", "with_redis"]
a_date = ["a date", *tried(Birthday, date(2018, 7, 30))]
Table(WAYS, [a_date])

# %% tags=["hide-input"]
pairs = zip(WAYS, a_date, strict=True)
refused = [way for way, said in pairs if said == "BadArgument"]
not_json.answer(
    f"{', '.join(refused)} raised BadArgument",
    a=len(refused) == 4,
    b=refused == ["with_redis"],
    c=refused == ["inline", "drained", "with_redis"],
)

# %% [markdown]
# Only the direct call let it pass. A mode replaces one step of a push: the one that sends the job to Redis. Everything before
# that step is as usual.
#
# Now the queue:

# %%
a_queue = ["a queue", *tried(Misspelt, "today")]
Table(WAYS, [a_date, a_queue])

# %%
redis.keys("queue:*")

# %% [markdown]
# Only with Redis did it not run, as it would not in production: the job is in a queue that this worker process does not serve.
# The modes do not ask who serves a queue. Nor do they wait for the moment of a job. `perform_in` pushes one for later, as in
# lesson 4, and this one is for tomorrow:

# %%
with testing.fake():
    LoudWorker.perform_in(24 * 60 * 60, "tomorrow@example.com")
    for_later = "at" in testing.jobs(LoudWorker)[-1]
    testing.drain(LoudWorker)

for_later

# %% [markdown]
# It ran at once. That it was for later is written in the job, in a field `at`.
#
# And the failure? (The worker process writes to its log.)

# %%
a_failure = ["a failure", *tried(Fragile, "today")]

# %%
Table(WAYS, [a_date, a_queue, a_failure])

# %%
redis.exists("retry"), redis.exists("dead")

# %% [markdown]
# The first three raise the exception, and that is all: they do not know what becomes of the job. With Redis, the exception
# gets no further than the worker process, and you can look at what that did with the job. There is no `retry` and no `dead`
# here: because of `retry = False`, the job was dropped. Change that one word, and look again:

# %%
Fragile.retry = True
with_redis(Fragile, "today")
redis.exists("retry"), redis.exists("dead")

# %% [markdown]
# So for most tests take `fake_jobs` and `drain`: they are fast, and need no Redis. What is decided between Redis and the
# worker process, such as queues and retries, is tested with a Redis, or by looking at what the job says, for example at
# `fake_jobs()[0]["retry"]`. (`fakeredis` will do. You met it in lesson 4.)

# %% [markdown]
# ## Change something
#
# Think of one more way to break `gif.py`, and find out whether a test notices. Here, the thought is lost on the way:

# %%
mine = {
    "right": RIGHT,
    "mine": RIGHT.replace("gif(email, thought", 'gif(email, "hello"'),
}
project.against("gif.py", mine)

# %% [markdown]
# No test notices, for two reasons. None of them looks at the subject of the mail. And all of them use the thought "hello", so
# a `perform` that always says "hello" would look right anyway. Here is one that does better:

# %%
project.add("test_mail.py", '''
def test_subject(fake_jobs, inbox):
    create("grace@example.com", "two cats")
    testing.drain_all()
    assert inbox.mails[0]["Subject"] == "two cats"
''')
project.against("gif.py", mine, "test_mail.py")

# %% [markdown]
# Now break it in a way of your own: change what `mine` replaces, and run both cells again. (In the terminal, type `p` for a
# Python prompt.)

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | A push in a test runs the job. | In fake mode, nothing was printed. With an empty `perform`, the test was green. |
# | Each test starts with an empty list. | The same test, twice in one process: green, red. |
# | A test that passes has shown something. | `no_assert` was green with all eight versions. |
# | If the job is pushed, the mail is sent. | `one_job` noticed two of the seven broken versions. |
# | If the mail is sent, there was a job. | `inline` and `drained` were green with `direct`. |
# | What works in a test works with Redis. | The misspelt queue: the job ran in three ways, and not in the fourth. |
#
# ## To keep
#
# 1. See each test red once. A test that cannot be red tells you nothing.
# 2. Test the push, the effect and the failure: three things, three tests.
# 3. What belongs to the process outlives a test. Let a fixture clean it up.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *pytest*, *fake mode*, *fixture*, *drain*,
# *inline mode*, *mutation testing*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_05_testing/exercise.py](../lessons/lesson_05_testing/exercise.py). This time the code is right. You
# write the tests, and the check breaks the code.

# %% [markdown] tags=["terminal-only"]
# Then run `make check-5`. `make hint-5` and `make try-5` are there, too.
#
# [Contents](../lessons/README.md) · Previous: [4 · The morgue](04_the_morgue.ipynb) · Next: [6 · The worker process](06_the_worker_process.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save it, and run the next cell. `hint(5)` is there, too, and `make try-5` in a terminal.
#
# [Contents](../lessons/README.md) · Previous: [4 · The morgue](04_the_morgue.ipynb) · Next: [6 · The worker process](06_the_worker_process.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(5)
