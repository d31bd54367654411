"""The dashboard: web pages that show what is in Redis, with buttons to act on it. It needs `pip install minijobs[web]`.

On its own, it is `minijobs web`. Mounting it in an application of yours, whatever that is made with, takes two lines:

>>> from werkzeug.middleware.dispatcher import DispatcherMiddleware
>>> from minijobs.web import dashboard
>>> application = yours = lambda environ, start_response: [b"your application"]

>>> application = DispatcherMiddleware(application, {"/jobs": dashboard()})

It can change and delete jobs, so decide who may reach it. With `MINIJOBS_WEB_PASSWORD` in the environment it asks for that
password, wherever it is mounted; without one, anyone who can reach your application at a local name of this machine, or at
one of the `hosts` that you name, can use it. With `dashboard(read_only=True)` nobody can change anything. See `security`.
Sidekiq: `Sidekiq::Web`.

    security.py    the password, and protection against forged requests and scripts
    throttle.py    whoever guesses passwords waits
    scripts.py     reading many keys, or moving many jobs, in one command
    reading.py     reading the numbers that the pages show
    entries.py     reading and finding the entries of a list
    searching.py   searching a list
    counting.py    counting a list by class and by error
    moving.py      moving and deleting many jobs
    words.py       a job's values as text that can do no harm
    life.py        what an entry says about its job's life, and what comes next
    drawing.py     the daily history, as shapes
    parameters.py  what a request asks for
    rendering.py   the frame of every page, and what several pages show
    pages.py       the pages
    finding.py     the page that searches every place
    actions.py     what their buttons do
    health.py      the numbers, and what is wrong, for programs that watch
    serve.py       the command `minijobs web`
"""

from .app import dashboard

__all__ = ["dashboard"]
