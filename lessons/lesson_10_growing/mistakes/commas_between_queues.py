"""Two processes for what is quick, and one for the reports."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails,gifs -c 14",
        "-q mails,gifs -c 14",
        "-q reports -c 1",
    ]
    return queues, lines
