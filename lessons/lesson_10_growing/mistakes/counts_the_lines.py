"""Three lines, so there is room for one more process."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-q mails -c 12",
        "-q gifs -c 1 --processes 2",
        "-q reports -c 1 --processes 2",
    ]
    return queues, lines
