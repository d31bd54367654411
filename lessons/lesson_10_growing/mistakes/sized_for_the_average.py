"""So many mails a day, and so many seconds a day."""

from math import ceil


def set_up(day):
    busy = sum(day["mail"]) / (24 * 60 * 60) * 0.5
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [f"-q mails -c {ceil(busy) + 1}", "-q gifs -c 1", "-q gifs -c 1", "-q reports -c 1"]
    return queues, lines
