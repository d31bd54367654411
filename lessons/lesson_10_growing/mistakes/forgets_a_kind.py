"""There are only sixty reports: they need nothing of their own."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs"}
    lines = [
        "-q mails -c 12",
        "-q gifs -c 1",
        "-q gifs -c 1",
    ]
    return queues, lines
