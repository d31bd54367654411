"""Reports are slow, so they are kept apart. All else is quick."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q gifs -q mails -c 20",
        "-q reports -c 1",
    ]
    return queues, lines
