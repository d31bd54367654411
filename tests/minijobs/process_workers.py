"""The Workers of the processes that tests start with `minijobs worker -r`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import redis

from minijobs import Worker, connection, middleware, retry
from minijobs.server import Server


@middleware.server.add
def know_the_job(worker, job, run):
    worker.job = job
    run()


def note(worker, number, rescued=None):
    """In a file: that must not depend on the Redis which comes and goes. One small write is one step."""
    line = f"{number} {worker.job.get('rescued', 0) if rescued is None else rescued}\n"
    runs = os.open(os.environ["TEST_RUNS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(runs, line.encode())
    os.close(runs)


class Slow(Worker):
    """Says in Redis where it runs, then takes so many seconds."""

    def perform(self, seconds):
        redis = connection.current()
        redis.rpush("test:began", f"{os.getpid()} {self.jid}")
        time.sleep(seconds)
        redis.rpush("test:ended", self.jid)


class Count(Worker):
    """Takes so many seconds and notes its run."""

    def perform(self, number, seconds=0):
        time.sleep(seconds)
        note(self, number)


class Forks(Worker):
    """Has a child that ends as programs do; then it notes its run."""

    def perform(self, number):
        child = os.fork()
        if child == 0:
            sys.exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        note(self, number)


class FailsAtFirst(Worker):
    """Fails, and is tried again soon; then it notes its run."""

    @staticmethod
    def retry_in(count, error):
        return 0.2

    def perform(self, number):
        if "retry_count" not in self.job:
            raise RuntimeError("at first")
        note(self, number)


class FailsForLong(Worker):
    """Fails, and stays in `retry` for longer than any test."""

    @staticmethod
    def retry_in(count, error):
        return 3600

    def perform(self, number):
        raise RuntimeError("for long")


class FailsLate(Worker):
    """Waits for a file, then fails; not where it was rescued: there it notes its run at once."""

    def perform(self, number, file):
        if "rescued" in self.job:
            return note(self, number)
        connection.current().rpush("test:began", f"{os.getpid()} {self.jid}")
        while not os.path.exists(file):
            time.sleep(0.01)
        raise RuntimeError("late")


class Anything(Worker):
    """Takes any arguments and notes its run."""

    def perform(self, *args):
        note(self, self.job["marker"].strip("#"), rescued=0)


class FailsAlways(Worker):
    """Takes any arguments and fails; its error repeats them."""

    def perform(self, *args):
        raise RuntimeError(args)


class Answer(Worker):
    """Says how long it took from its push until it ran."""

    def perform(self):
        connection.current().rpush("test:answers", time.time() - self.job["created_at"])


def die_at_command(number):
    """SIGKILL for this process instead of the so-many-th command that it sends to Redis, also amid a pipeline.

    So it dies between any two steps of its dispatcher, heart, poller and rescuer.
    """
    kind, sent, lock = redis.UnixDomainSocketConnection, 0, threading.Lock()
    pack_commands, send_command = kind.pack_commands, kind.send_command

    def pack_and_die(self, commands):
        nonlocal sent
        commands = list(commands)
        with lock:
            if sent + len(commands) >= number:
                self.send_packed_command(pack_commands(self, commands[: number - sent - 1]))
                os.kill(os.getpid(), signal.SIGKILL)
            sent += len(commands)
        return pack_commands(self, commands)

    def send_and_die(self, *command, **options):
        nonlocal sent
        with lock:
            sent += 1
            if sent >= number:
                os.kill(os.getpid(), signal.SIGKILL)
        return send_command(self, *command, **options)

    kind.pack_commands, kind.send_command = pack_and_die, send_and_die


# A process looks every five seconds for what is due, and for the dead, and chance puts a retry off by up to nine; so long
# no test wants to wait.
retry._jitter = lambda count: 0
if poll := os.environ.get("TEST_POLL"):
    Server.__init__.__kwdefaults__["poll"] = float(poll)
if die_at := os.environ.get("TEST_DIE_AT"):
    die_at_command(int(die_at))
