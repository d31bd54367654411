"""The same Workers as in jobs.rb, for minijobs."""

import json
import time

from minijobs import Server, Worker, connection, middleware

# `minijobs worker` looks for what is due every 5 seconds. A test need not wait.
Server.__init__.__kwdefaults__["poll"] = 0.1


def note(key, what):
    connection.current().rpush(key, json.dumps(what))


class Note(Worker, name="Interop::Note"):
    def perform(self, *args):
        note("test:ran", {"by": "python", "jid": self.jid, "args": args, "kinds": [type(arg).__name__ for arg in args]})


class OnlyPython(Note, name="Interop::OnlyPython"):
    pass


class Slow(Worker, name="Interop::Slow"):
    def perform(self, seconds):
        time.sleep(seconds)
        note("test:ran", {"by": "python", "jid": self.jid})


class Fail(Worker, name="Interop::Fail"):
    @staticmethod
    def retry_in(count, error):
        """When a test says so, and not by itself while that test still looks."""
        return 3600

    def perform(self):
        raise ValueError("not in Python, é")


@middleware.server.add
def keep(worker, job, run):
    """Around every run: the job as minijobs hands it to Workers."""
    connection.current().hset("test:jobs", job["jid"], json.dumps(job))
    run()
