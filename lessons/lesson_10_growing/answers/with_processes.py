"""One line for each kind, and as many processes as it needs."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -c 13",
        "-q gifs -c 2 --processes 2",
        "-q reports -c 1",
    ]
    return queues, lines
