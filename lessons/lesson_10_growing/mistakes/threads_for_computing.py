"""Ten threads for the GIFs should be enough."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -c 12",
        "-q gifs -c 10",
        "-q reports -c 1",
    ]
    return queues, lines
