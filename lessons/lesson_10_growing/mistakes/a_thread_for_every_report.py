"""Sixty reports come at once, so sixty threads begin at once."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -c 12",
        "-q gifs -c 1",
        "-q gifs -c 1",
        "-q reports -c 60",
    ]
    return queues, lines
