"""What waits here, what computes there."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -c 12",
        "-q gifs -q reports -c 1",
        "-q gifs -q reports -c 1",
    ]
    return queues, lines
