"""18.6 mails a second at noon, half a second each: 9.3 threads."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -c 9",
        "-q gifs -c 1",
        "-q gifs -c 1",
        "-q reports -c 1",
    ]
    return queues, lines
