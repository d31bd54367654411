"""Mails and GIFs share two processes, and there are threads enough for both."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -q gifs -c 14",
        "-q mails -q gifs -c 14",
        "-q reports -c 2",
    ]
    return queues, lines
