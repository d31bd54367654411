"""Each kind of job has a different problem, so each has a queue and processes of its own.

Mails only wait. At noon 18.6 of them come in a second and each takes half a second, so 9.3 threads
are busy, by Little's law. Ten would be busy for 93 % of the time; with twelve, hardly a mail waits.
All of them fit into one process, because waiting needs no interpreter.

GIFs only compute. In the evening 4 of them come in a second, for 0.3 seconds each: 1.2 processors.
Threads of one process share one interpreter, so there are two processes, and one thread in each is
enough.

Reports compute for 15 seconds each, and 60 of them come at once: 15 minutes for one thread. That is
within the promise. What matters is that no other job waits behind them: they have a thread that runs
nothing else.

That makes 4 processes and 15 threads. With 3 processes it works as well, if mails and GIFs share two
of them: there are enough threads for both.
"""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -c 12",
        "-q gifs -c 1",
        "-q gifs -c 1",
        "-q reports -c 1",
    ]
    return queues, lines
