"""Thirty threads, and four processes."""


def set_up(day):
    queues = {"mail": "mails", "gif": "mails", "report": "reports"}
    lines = [
        "-q mails -c 20 --processes 3",
        "-q reports -c 10",
    ]
    return queues, lines
