"""The dashboard: what is in Redis, as web pages, and what a person may do about it. It needs `pip install minijobs[web]`.

Alone it is `minijobs web`. In an application of yours, whatever it is made with, it takes two lines:

>>> from werkzeug.middleware.dispatcher import DispatcherMiddleware
>>> from minijobs.web import dashboard
>>> application = yours = lambda environ, start_response: [b"your application"]

>>> application = DispatcherMiddleware(application, {"/jobs": dashboard()})

It may change and delete jobs, so decide who gets there. With `MINIJOBS_WEB_PASSWORD` in the environment it asks for that
password, wherever it is mounted; without one, whoever reaches your application reaches it. See `security`.
Sidekiq: `Sidekiq::Web`.

    security.py    who may look, and what must not be done to a visitor behind his back
    reading.py     what the pages show, read in a few round trips
    words.py       a job's values as text that cannot do harm
    drawing.py     the history of days, as shapes
    pages.py       the pages
    actions.py     what their buttons do
    serve.py       the command `minijobs web`
"""

from .app import dashboard

__all__ = ["dashboard"]
