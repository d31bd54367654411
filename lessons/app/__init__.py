"""The seed's application on one page: form, Redis, worker process, inbox, dashboard. One command starts all of it.

    python -m lessons.app

In the order in which it is worth reading:

    workers.py        the Worker, SendGifToUserWorker
    mail.py           the slow mail, and the server that catches it
    picture.py        the animated picture in it
    page.py           the form, and the two ways to call the Worker
    attempts.py       what a click led to, so that the two ways can stand side by side
    live.py           everything that happened, for whoever looks at the page
    watching.py       where that comes from: what is sent to Redis, what the worker process says
    inbox.py          the mails, on a page of their own
    serving.py        a port, a server for a Flask application, and who may ask it
    parts.py          all of it together: started, looked after, stopped

The lessons that start processes share three files with it, which are in `lessons/kit/`:

    redis_server.py   which Redis
    processes.py      starting a program so that it ends
    leash.py          ends them even when we are killed
"""
