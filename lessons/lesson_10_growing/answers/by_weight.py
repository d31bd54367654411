"""Shared, and mostly mails."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails,3 -q gifs,1 -c 13",
        "-q mails,3 -q gifs,1 -c 13",
        "-c 2 -q reports",
    ]
    return queues, lines
