"""Twelve threads for mails, one for each of the others."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "--queue mails --threads 12",
        "--queue gifs --threads 1",
        "--queue gifs --threads 1",
        "--queue reports --threads 1",
    ]
    return queues, lines
