"""A queue for each kind of job."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -c 12",
        "-q gifs -c 1",
        "-q gifs -c 1",
        "-q report -c 1",
    ]
    return queues, lines
