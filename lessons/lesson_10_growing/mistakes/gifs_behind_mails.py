"""Mails come first."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -q gifs -c 5",
        "-q mails -q gifs -c 5",
        "-q reports -c 1",
    ]
    return queues, lines
