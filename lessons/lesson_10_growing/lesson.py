# %% [markdown]
# # 10 · Growing
#
# **How many workers do I need, and what comes after?**
#
# 40 minutes. Before this: the other lessons, above all [6 · The worker process](06_the_worker_process.ipynb).
#
# At the end you can say how many threads and processes a day of traffic needs, why jobs wait, what one Redis can take, and
# what changes in another library.
#
# [Contents](../lessons/README.md) · Previous: [9 · The app](09_the_app.ipynb)

# %% [markdown]
# The author of the post was "dropped into a project that has dozens of jobs, handling hundreds of thousands of actions a
# day". Is that a lot? This lesson does not guess. It measures on your machine, or it simulates with a model that has first
# been checked against a measurement. `≈` stands before each number that will differ on another machine.

# %%
from lessons.kit import Curves, Day, Table, about, predict, start
from lessons.kit import clock, wait_until, write

redis = start(server=True)

# %% [markdown]
# ## A day
#
# Here is such a day. The file [day.csv](../lessons/lesson_10_growing/day.csv) says how many mails, GIFs and reports came in
# during each ten minutes of it. A mail waits half a second for its mail server. A GIF computes for 0.3 seconds, and a report
# for 15 seconds. All 60 reports come at nine o'clock.

# %%
day = Day()
f"{day.total:,} jobs, {sum(day['mail']):,} of them mails"

# %% tags=["hide-input"]
average = predict(
    "300,000 jobs a day. How many is that in a second, on average?",
    a="About 3.",
    b="About 30.",
    c="About 300.",
    guess=None,
)
average

# %%
a_second = day.total / (24 * 60 * 60)
a_second

# %% tags=["hide-input"]
average.answer(
    f"300,000 jobs in 86,400 seconds are {a_second:.1f} a second",
    a=2 < a_second < 5,
    b=20 < a_second < 50,
    c=200 < a_second < 500,
)

# %% [markdown]
# That is not much. But jobs do not come evenly through the day. This is the whole day:

# %%
by_kind = {"mails": day.rates("mail"), "GIFs": day.rates("gif")}
Curves("jobs a second", "o'clock", by_kind)

# %%
noon = day.a_second("12:00")
f"{noon:.1f} a second at noon: {noon / a_second:.1f} times the average"

# %% [markdown]
# What is enough for the average is too little at noon, by a factor of five or six. And each kind has its own busiest time:
# the mails have theirs at noon, the GIFs in the evening, the reports at nine. From here on the question is noon. The other
# two wait for you in the exercise.

# %% [markdown]
# ## Threads
#
# A job does one of two things: it waits for something, such as a mail server, or it computes. Most jobs do both. The next Worker
# does each for as long as its arguments say, in seconds.

# %%
write("jobs.py", """
import time
from minijobs import Worker

class TaskWorker(Worker):
    def perform(self, waits, computes, number=0):
        time.sleep(waits)
        until = time.thread_time() + computes
        while time.thread_time() < until:
            pass
""")

# %% [markdown]
# `thread_time` is how long a processor has worked for this thread. `burst` makes a list of jobs that come all at once. `measure`
# starts `minijobs worker` with the options that you give it, pushes the jobs, and waits until all have run. Each job writes down
# when it began and when it ended. (`number` is for that.) What is shown is how long the jobs waited in the queue: on average, and
# after how long half of them had begun, 19 of 20, and all.

# %%
from lessons.kit import burst, measure

one = measure("-r jobs.py -c 1", burst(40, waits=0.02))
one

# %% [markdown]
# Forty jobs of 20 milliseconds, and one thread: the last one stood in the queue until all the others were done. With more
# threads, several jobs can sleep at the same time. And those that compute?

# %% tags=["hide-input"]
threads = predict(
    "25 threads, and jobs that compute for 5 ms. How many jobs a second?",
    a="Up to 5,000: 25 times as many as one thread can do.",
    b="200 at most: no more than one thread can do.",
    guess=None,
)
threads

# %% [markdown]
# Three kinds of jobs, and 1, 2, 5, 10 and 25 threads. How many jobs are done in a second?

# %%
kinds = {
    "wait for 20 ms": burst(50, waits=0.02),
    "compute for 5 ms": burst(30, computes=0.005),
    "wait 10, compute 5": burst(30, waits=0.01, computes=0.005),
}
rates = {name: [] for name in kinds}

# %%
for count in (1, 2, 5, 10, 25):
    for name, jobs in kinds.items():
        runs = measure(f"-r jobs.py -c {count}", jobs)
        rates[name].append((count, runs.a_second))

# %%
Curves("jobs a second", "threads", rates)

# %% tags=["hide-input"]
(_, alone), *_, (_, many) = rates["compute for 5 ms"]
threads.answer(
    f"{about(alone)} a second with one thread, {about(many)} with 25",
    a=many > 300,
    b=many <= 300,
)

# %% [markdown]
# Jobs that wait can do so side by side. (With 25 threads, 50 jobs are over after two rounds. So starting and ending them
# counts, and it is less than 25 times as many.) Jobs that compute cannot: in a Python process only one thread computes at a
# time, the one that holds the *interpreter lock*. Jobs that do both gain from more threads until the computing fills all of
# the time, and then no more. (25 threads computed twice as many or more here? Then your machine was busy with something else
# at the first measurement. Run the cells again, from `kinds` on.)

# %% [markdown]
# ## Processes
#
# Each process has its own interpreter, and its own interpreter lock. `--processes 2` starts two of them, with the same
# options. So here are the computing jobs once more, with 25 threads in one process, and then with one thread in each of two:

# %%
computing = burst(50, computes=0.01)
one = measure("-r jobs.py -c 25", computing)
two = measure("-r jobs.py -c 1 --processes 2", computing)
f"{about(two.a_second / one.a_second)} times as many in a second"

# %% [markdown]
# If two processors were free, it is nearly twice as many. (If it is less here, something else was using them.) For jobs that
# compute, more processes than processors gain nothing. For jobs that wait, threads are cheaper: each process loads all of
# your code again.

# %% [markdown]
# ## How busy?
#
# So far all jobs came at once. Real users come at random. `by_chance` makes jobs that come at random moments: how many, and
# how many seconds lie between two of them on average. And no two of them take equally long. First, how long does a job of 10
# ms really take, with everything around it?

# %%
from lessons.kit import by_chance

drained = measure("-r jobs.py -c 1", burst(50, waits=0.01))
takes = 1 / drained.a_second
f"{about(1000 * takes)} ms"

# %% [markdown]
# If a job comes every `takes` seconds, one thread is busy all the time: 100 %. The share of the time in which it is busy is
# called the *utilisation*. Let it be 50 %, 80 % and 95 %.

# %%
def visitors(utilisation):
    def some(dice):
        return dice.expovariate(1 / 0.01)  # 10 ms on average

    return by_chance(150, takes / utilisation, seed=32, waits=some)

# %% tags=["hide-input"]
busy = predict(
    "From 50 % to 95 %. For how long does a job wait in its queue now?",
    a="As long as before: the thread is never busy all the time.",
    b="About twice as long.",
    c="Many times as long.",
    guess=None,
)
busy

# %%
measured = {}
for percent in (50, 80, 95):
    jobs = visitors(percent / 100)
    measured[percent] = measure("-r jobs.py -c 1", jobs)

# %%
rows = [
    [f"{percent} %", about(100 * runs.busy), about(1000 * runs.waited)]
    for percent, runs in measured.items()
]
Table(["meant to be busy", "was busy (%)", "waited (ms)"], rows)

# %% tags=["hide-input"]
times = measured[95].waited / measured[50].waited
busy.answer(
    f"{about(1000 * measured[50].waited)} ms, "
    f"then {about(1000 * measured[95].waited)} ms",
    a=times < 1.3,
    b=1.3 <= times < 3,
    c=times >= 3,
)

# %% [markdown]
# A job that finds the thread busy has to wait, and so do those behind it. The busier the thread is, the more jobs find it busy,
# and the less free time there is to catch up in. So a thread that is always busy is not a good sign. It means that jobs wait.
#
# (It was less busy than it was meant to be? 150 jobs are few. At random, they came a little more slowly than planned, and
# after the last one had come, there was nothing more to do.)
#
# ## A model
#
# To try out a whole day, you would have to wait a day. In a *simulation*, the clock is only a number. The package `simpy` does
# that. This is what a thread does in it:

# %%
import inspect
from textwrap import dedent

from lessons.kit.model import Model

# %%
print(dedent(inspect.getsource(Model.thread)))

# %% [markdown]
# It fetches a job and waits. Then it computes in turns: only one thread at a time has the interpreter. Before you believe a
# model, compare it with what was measured. So it gets the same jobs, at the moments at which they really came. `extra` is what a
# job cost besides its own work, and `lag` is how long an idle thread takes to notice a new one.

# %%
from lessons.kit import simulate

def again(one):
    jobs = one.as_they_came()
    return simulate("-c 1", jobs, extra=one.extra, lag=one.lag)

simulated = {percent: again(one) for percent, one in measured.items()}

# %%
def waited(results):
    return [(key, 1000 * one.waited) for key, one in results.items()]

Curves("milliseconds waited, on average", "% busy",
       {"measured": waited(measured), "model": waited(simulated)})

# %%
for percent, one in measured.items():
    print(percent, about(simulated[percent].waited / one.waited))

print("Below 0.7 or above 1.4? Then the machine was busy with something")
print("else. Run the cells again, from `measured = {}` down to this one.")

# %% [markdown]
# That is the model's wait, divided by the measured one: the nearer to 1, the better they agree. Go on when they do. Now you
# can ask the model what nobody has measured.
#
# ## How many threads at noon?
#
# How many threads are busy at noon? 18.6 mails come in each second, and each of them occupies a thread for half a second.

# %%
arriving = day.a_second("12:00", "mail")
arriving * 0.5

# %% [markdown]
# So nine threads are too few, and with ten the utilisation is 93 %. What does each further thread gain? `day.coming` makes the
# jobs that the file lists, here those of five minutes. `within(0.95)` is how long 95 % of them, 19 of 20, waited at most:

# %%
mails = day.coming("12:00", "mail", minutes=5)

def longest(threads):
    return simulate(f"-q mail -c {threads}", mails).within(0.95)

waits = [(threads, longest(threads)) for threads in (8, 9, 10, 11, 12, 14)]

# %%
Curves("seconds that 19 of 20 waited at most", "threads", {"model": waits})

# %%
rows = [[threads, about(seconds)] for threads, seconds in waits]
Table(["threads", "19 of 20 waited at most (s)"], rows)

# %% [markdown]
# With too few, the queue grows as long as noon lasts. From ten on it does not, and two more bring the wait down to a small part
# of a second. After that, one more gains nothing. So this is how many you need: as many as are busy on average at the busiest
# time, and a few more.

# %% [markdown]
# ## The length of a queue
#
# While the jobs ran, `measure` looked at the length of the queue every few milliseconds. Here is the run at 95 % again:

# %%
at_95 = measured[95]
Table(["", ""], [
    ["jobs that came in a second", about(at_95.arrived)],
    ["seconds that each waited, on average", about(at_95.waited)],
    ["the two, multiplied", about(at_95.arrived * at_95.waited)],
    ["jobs in the queue, on average", about(at_95.length)],
])

# %%
agree = 0.5 < at_95.arrived * at_95.waited / at_95.length < 2
agree

# %% [markdown]
# The last two should be about the same: `True` says that neither is twice the other. That is *Little's law*: the number of jobs
# that are waiting is the number that come in a second, times the seconds that each waits. It holds for every queue. You used it
# above for the threads: the number that are busy is the number of jobs that come in a second, times the seconds that each
# takes.
#
# Now compare two queues by their lengths alone:

# %% tags=["hide-input"]
length = predict(
    "A queue of 40 jobs, and one of 10. Where does the last wait longer?",
    a="In the queue of 10. A long queue can move fast.",
    b="In the queue of 40: more jobs are in front of it.",
    guess=None,
)
length

# %%
forty = measure("-r jobs.py -c 1", burst(40, waits=0.001))
ten = measure("-r jobs.py -c 1", burst(10, waits=0.1))
f"of 40: {about(forty.within(1))} s, of 10: {about(ten.within(1))} s"

# %% tags=["hide-input"]
length.answer(
    f"the last of 40 waited {about(forty.within(1))} s, "
    f"and that of 10 {about(ten.within(1))} s",
    a=forty.within(1) < ten.within(1),
    b=forty.within(1) >= ten.within(1),
)

# %% [markdown]
# So watch the wait, not the length. `minijobs queues` shows both, and `Queue("default").latency()` is the wait of the next
# job.
#
# ## Slow ones in front
#
# Four reports come at once, then mails. There are two threads. How long do the mails wait?

# %%
reports = burst(4, waits=0.3, queue="report")
mails = by_chance(30, every=0.02, waits=0.005, queue="mail")

def in_one_queue(job):
    return job._replace(queue="default")

# %%
table = {}
words = "-r jobs.py -q default -q mail -q report -c 2"
runs = measure(words, map(in_one_queue, reports + mails))
quick = [one.waited for one in runs.ran if one.job.waits < 0.1]
table["one queue"] = max(quick)
about(table["one queue"])

# %% [markdown]
# That is in seconds, for mails of five milliseconds each. They had to wait for the reports. (All jobs were in `default`.)
# So give each kind its own queue. The process looks into `mail` before it looks into `report`.

# %% tags=["hide-input"]
own = predict(
    "Reports and mails have their own queues now. How long do mails wait?",
    a="Hardly at all: their queue comes first.",
    b="As long as a report takes, or longer.",
    guess=None,
)
own

# %%
runs = measure(words, reports + mails)
table["own queue"] = runs.of("mail").within(1)

lines = ["-r jobs.py -q mail -c 1", "-r jobs.py -q report -c 1"]
runs = measure(lines, reports + mails)
table["own process"] = runs.of("mail").within(1)

# %%
rows = [[name, about(1000 * seconds)] for name, seconds in table.items()]
Table(["the mails have", "longest wait (ms)"], rows)

# %% tags=["hide-input"]
own.answer(
    f"one waited {about(1000 * table['own queue'])} ms",
    a=table["own queue"] < 0.1,
    b=table["own queue"] >= 0.1,
)

# %% [markdown]
# The order of the queues says which job is next. It does not free a thread. Only threads that never run reports are always there
# for mails. And that took no more threads: two in all, each time.
#
# ## A storm
#
# A service is down, and two hundred jobs that need it fail. Here are two ways to try again: the library's, and one that people
# like to write themselves.

# %%
from minijobs import Fetcher, Processor, RetrySet, ScheduledSet, Worker

class CallWorker(Worker):
    def perform(self):
        raise ConnectionError("the service is down")

# %%
class HomemadeWorker(Worker):
    def perform(self):
        try:
            raise ConnectionError("the service is down")
        except ConnectionError:
            HomemadeWorker.perform_in(15)  # seconds

# %% tags=["hide-input"]
storm = predict(
    "200 jobs fail within a second. When does the library try them again?",
    a="At moments that are spread over several seconds.",
    b="All of them within a second, some time later.",
    guess=None,
)
storm

# %%
from minijobs.log import logger

logger.disabled = True  # 200 errors would be a long log
for worker in (CallWorker, HomemadeWorker):
    worker.perform_bulk([[]] * 200)

processor = Processor(Fetcher("default"))
while processor.process_one():
    pass

# %%
from collections import Counter

def due(jobs):
    scores = [job.score for job in jobs]
    seconds = Counter(int(score - min(scores)) for score in scores)
    return [(second, seconds[second]) for second in range(12)]

# %%
back = {"homemade": due(ScheduledSet()), "library": due(RetrySet())}
ScheduledSet().clear(), RetrySet().clear()
Curves("calls of the service in a second", "seconds later", back)

# %% tags=["hide-input"]
most = max(calls for _, calls in back["library"])
storm.answer(
    f"in the worst second {about(most)} of 200 came back",
    a=most <= 120,
    b=most > 120,
)

# %% [markdown]
# A service that has just come up again gets everything that it missed in one second, and may go down again: a *retry storm*. The
# library adds a random time to each wait. So use its retries. And since a service that is down often keeps you waiting for half a
# minute before the call fails, calls to it are slow jobs. You have seen what those do to others: give them threads of their own.

# %% [markdown]
# ## Connections
#
# Each thread that works with a database has a connection to it. Redis can say how many connections it has, so look there.
# (Each of our jobs writes to Redis.) First with two processes of one thread each: those of "own process" above still run,
# since `measure` leaves processes running until it starts others. And then with one process that has 25 threads:

# %%
few = len(redis.client_list())
measure("-r jobs.py -c 25", burst(100, waits=0.01))
many = len(redis.client_list())
f"{about(few)} with 2 threads, {about(many)} with 25", many > few

# %% [markdown]
# Each thread has one. A few more belong to each process, for what it does beside its jobs, such as its heartbeat, and one is
# the lesson's own. That is no problem for Redis. PostgreSQL allows 100 connections unless it is set otherwise, and web
# processes need some of them. Before you add a process, multiply: hosts, times processes, times threads.
#
# ## What one Redis can take
#
# All processes share one Redis, and it works on one command at a time. When does that become too much? Send a thousand empty jobs
# through it, and ask it how much processor time it has used.

# %%
def used():
    info = redis.info("cpu")
    return info["used_cpu_user"] + info["used_cpu_sys"]

# %% tags=["hide-input"]
full = predict(
    "One process runs 1,000 jobs, as fast as it can. Redis was busy …",
    a="less than half of the time.",
    b="nearly all the time: everything goes through it.",
    guess=None,
)
full

# %%
before = used()
fast = measure("-r jobs.py -c 25", burst(1_000))
busy_for = used() - before
f"{about(100 * busy_for / fast.seconds)} % of the time"

# %% tags=["hide-input"]
full.answer(
    f"it was busy for {about(100 * busy_for / fast.seconds)} % of the time",
    a=busy_for / fast.seconds <= 0.5,
    b=busy_for / fast.seconds > 0.5,
)

# %%
could = 1_000 / busy_for  # jobs a second, if it did nothing else
f"{about(could)} jobs a second", could > 10 * noon

# %% [markdown]
# The rest of the time Redis waited for the Python processes. What this Redis could take is many times what comes at noon.

# %% [markdown]
# ## A second host
#
# So you will need a second machine for your processes long before you need a second Redis. That machine needs your code, and
# the same `REDIS_URL`. That is all. Here two processes play two machines, each under a host name of its own.

# %%
for name in ("host_a", "host_b"):
    write(f"{name}.py",
          f"import socket\nsocket.gethostname = lambda: '{name}'")

hosts = [f"-r {name}.py -r jobs.py -c 2" for name in ("host_a", "host_b")]
on_both = measure(hosts, burst(60, waits=0.02))

# %%
from minijobs import ProcessSet

rows = []
for process in sorted(ProcessSet(), key=lambda one: one["hostname"]):
    ran = sum(one.host == process["hostname"] for one in on_both.ran)
    rows.append([process["hostname"], process["concurrency"], about(ran)])

Table(["host", "threads", "jobs that it ran"], rows)

# %%
len(on_both.ran), {one.host for one in on_both.ran} == {"host_a", "host_b"}

# %% [markdown]
# Nobody handed out the jobs. Each process fetches a job when it has a thread free, and Redis gives each job to one of them. If a
# host is gone, the other one goes on, and rescues what the first one held, as in lesson 8.

# %% [markdown]
# ## When Redis is gone
#
# It is seldom the number of jobs that makes a second Redis necessary. It is needed on the day when the first one is gone. A
# *replica* is a second Redis that copies the first one, all the time. A *Sentinel* is a small program that watches both. If
# the first one no longer answers, it puts the replica in its place, and tells everybody who asks. Here are all three:

# %%
from lessons.kit import with_replica

redises = with_replica()
redises.url

# %% [markdown]
# A `REDIS_URL` like this says where the Sentinels are, not where Redis is. (In production there are three Sentinels, on three
# machines.) Now a job is pushed. Then the first Redis is killed.

# %%
from minijobs import Client, Queue, RedisUnavailable

client = redises.client()
Client(client).push({"class": "TaskWorker", "args": [0, 0]})
wait_until(redises.copied)
redises.kill()

# %% tags=["hide-input"]
gone = predict(
    "The Redis with the job is dead. You push one more job. What is there?",
    a="One job: the new one.",
    b="Two jobs.",
    c="No job: nothing works until that Redis is started again.",
    guess=None,
)
gone

# %%
def pushed():
    try:
        return Client(client).push({"class": "TaskWorker", "args": [0, 0]})
    except RedisUnavailable:
        return None  # and the next try, in a moment

with clock("the change") as change:
    wait_until(pushed)
jobs = len(Queue("default", client))
about(change.seconds), jobs, redises.replica_took_over()

# %% tags=["hide-input"]
gone.answer(
    f"{jobs} jobs are there",
    a=jobs == 1,
    b=jobs == 2,
    c=jobs == 0,
)

# %% [markdown]
# Until the replica had taken over nobody could push, and then it went on. But note the `wait_until(redises.copied)`. A
# replica is always a moment behind. What the first Redis received in its last moment is lost, and no error says so.
# Companies that sell Redis as a service do the same behind one address: there you need no Sentinel of your own. Ask them how
# long the change takes, and what may be lost in it.
#
# (`Client(client)` pushed to another Redis than the lesson's own. In the same way, an application can keep some of its
# queues in one Redis, and some in another.)
#
# Some things are not for a job library. If several programs must read each event, in order, and once more next week, you
# need an event log, such as Kafka. If one piece of work has forty steps and takes three weeks, a workflow engine remembers
# where it was.

# %% [markdown]
# ## The same job in Celery
#
# Names differ from library to library; what is behind them does not. Here is the job of the first lesson in Celery, the library
# that most people think of first when they need background jobs in Python. There a job is a function, and is called a task. This
# one fails for an address without an `@`.

# %%
write("in_celery.py", """
import os
from celery import Celery

app = Celery("in_celery", broker=os.environ["BROKER_URL"])

@app.task
def send_gif(email, thought):
    name, host = email.split("@")
    print(f"mailing {thought} to {name}")
""")

# %% [markdown]
# Celery needs other versions of some packages than this project. So it gets an environment of its own, in a folder that git
# ignores. The first time, that takes half a minute, and needs a package registry. If the environment cannot be made, the cell
# says so, and the lesson goes on.

# %%
from lessons.kit import elsewhere

celery = elsewhere("celery")
celery

# %% [markdown]
# What is called `perform_async` here is called `delay` there. One job for Ada, and one that will fail:

# %%
write("push_celery.py", """
from in_celery import send_gif
send_gif.delay("ada@example.com", "a cat")
send_gif.delay("nobody", "a dog")
""")
celery.run("python push_celery.py")

# %%
import json

for entry in redis.lrange("celery", 0, -1):
    headers = json.loads(entry)["headers"]
    print(headers["task"], headers["argsrepr"])

print(redis.llen("celery"), "entries")

# %% [markdown]
# Here they are: a list in Redis, whose entries are JSON. Next, one of Celery's worker processes runs them.

# %% tags=["hide-input"]
again = predict(
    "The job for 'nobody' fails. What does Celery do with it by itself?",
    a="It tries it again, some seconds later.",
    b="It puts it aside, where a person can look at it.",
    c="Nothing: it is logged, and gone.",
    guess=None,
)
again

# %% [markdown]
# This is its log, without the times and ids:

# %%
worker = "celery -A in_celery worker -P threads -c 1 -l info"
celery.run_until(worker, "raised", only="^mailing|^Task .*(received|raise)")

# %%
left = redis.lrange("celery", 0, -1) + redis.hvals("unacked")
len(left)

# %% tags=["hide-input"]
again.answer(
    f"{len(left)} jobs are left in Redis",
    a=len(left) > 1,
    b=len(left) == 1,
    c=len(left) == 0,
)

# %% [markdown]
# In Celery you ask for retries, in each task: `@app.task(autoretry_for=(OSError,), retry_backoff=True)`.

# %% [markdown]
# ## The same job in Django
#
# Django has had its own tasks since version 6, which needs Python 3.12. For Python 3.11, they are in a package, `django-tasks`.
# Another package runs them. The one used here keeps the jobs in a table of the application's database, so there is no Redis
# at all.

# %%
write("settings.py", """
import importlib.util
INSTALLED_APPS = ["django_tasks_db"]
if not importlib.util.find_spec("django.tasks"):
    INSTALLED_APPS.append("django_tasks")
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": "jobs.sqlite3",
}}
""")

# %%
write("tasks.py", """
try:
    from django.tasks import task
except ImportError:
    from django_tasks import task

@task
def send_gif(email, thought):
    name, host = email.split("@")
    print(f"mailing {thought} to {name}")
""")

# %%
django = elsewhere("django")
django

# %% [markdown]
# `migrate` makes the table. Then come the same two jobs, here with `enqueue`:

# %%
write("push_django.py", """
import django
from django.core.management import call_command
django.setup()
call_command("migrate", verbosity=0)
from tasks import send_gif
send_gif.enqueue("ada@example.com", "a cat")
send_gif.enqueue("nobody", "a dog")
""")
django.run("python push_django.py")

# %% [markdown]
# `db_worker` is its worker process. With `--batch` it ends when no job is left.

# %%
worker = "django-admin db_worker --batch --no-startup-delay"
django.run(worker, only="^mailing")

# %%
write("look_django.py", """
import django
django.setup()
from django_tasks_db.models import DBTaskResult
for job in DBTaskResult.objects.order_by("enqueued_at"):
    print(job.args_kwargs["args"], job.status)
""")
django.run("python look_django.py")

# %% [markdown]
# The job that failed is not tried again here either. But it is kept, as a row. And a row can be written in the same
# transaction as your own rows, as in the outbox of lesson 8: there is never one without the other. That is what a database
# does better than Redis.

# %% [markdown]
# ## Leaving
#
# Side by side:
#
# | minijobs, Sidekiq | Celery | Django |
# |---|---|---|
# | a class with `perform` | a function with `@app.task` | a function with `@task` |
# | `perform_async(…)` | `delay(…)` | `enqueue(…)` |
# | a list in Redis | a list in Redis | a table of yours |
# | tries again | when you ask for it | does not |
# | then `dead` | gone | kept as a row |
#
# What you have learned goes with you: pass ids rather than objects, ask what becomes of a job whose process dies, and watch
# the wait and not the length. You can change to another library later. It is easy as long as `perform` is short, and calls
# your own functions to do the work.

# %% [markdown]
# ## Change something
#
# How many threads do the GIFs need in the evening? They compute for 0.3 seconds each. Here is one process, with more and
# more threads:

# %%
gifs = day.coming("19:10", "gif", minutes=5)
[
    round(simulate(f"-q gif -c {threads}", gifs).within(0.95))
    for threads in (1, 2, 10)
]

# %% [markdown]
# These are seconds, and more threads do not help. Try `--processes 2`. Then try one process and two for the mails at noon. (In
# the terminal, type `p` for a Python prompt.)

# %% [markdown]
# ## You might have thought
#
# | You might have thought | What you saw |
# |---|---|
# | 300,000 a day is a lot. | Three a second, and twenty at noon. |
# | More threads are always faster. | Not for jobs that compute. |
# | A thread should always be busy. | At 95 % jobs waited many times as long. |
# | The length tells you the wait. | The last of 10 waited longer than that of 40. |
# | A queue of its own is enough. | Its jobs waited for a thread. |
# | Redis is the bottleneck. | It was idle most of the time. |
# | Every library tries again. | Two of three did not. |
#
# ## To keep
#
# 1. Size for the busiest time: jobs a second, times seconds each. That many threads are busy; have a few more.
# 2. More threads help jobs that wait. Jobs that compute need more processes, and slow ones need threads of their own.
# 3. Watch how long jobs wait. A length alone says nothing, and an average hides the busiest hour.
#
# New words, all of them in the [glossary](../lessons/README.md#glossary): *interpreter lock*, *utilisation*, *simulation*,
# *Little's law*, *retry storm*, *replica*, *Sentinel*.

# %% [markdown]
# ## Make it yours
#
# Open [lessons/lesson_10_growing/exercise.py](../lessons/lesson_10_growing/exercise.py). Set up the worker processes for the
# whole of this day.

# %% [markdown] tags=["terminal-only"]
# Then run `make check-10`. `make hint-10` and `make try-10` are there, too.
#
# [Contents](../lessons/README.md) · Previous: [9 · The app](09_the_app.ipynb)

# %% [markdown] tags=["notebook-only"]
# Save it, and run the next cell. `hint(10)` is there, too, and `make try-10` in a terminal.
#
# [Contents](../lessons/README.md) · Previous: [9 · The app](09_the_app.ipynb)

# %% tags=["notebook-only", "skip-execution"]
from lessons.course.cells import check, hint, progress, solution

check(10)
