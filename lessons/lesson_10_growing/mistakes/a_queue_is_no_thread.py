"""Mails are first in each process, so they never wait."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -q gifs -q reports -c 10",
        "-q mails -q gifs -q reports -c 10",
        "-q mails -q gifs -q reports -c 10",
    ]
    return queues, lines
