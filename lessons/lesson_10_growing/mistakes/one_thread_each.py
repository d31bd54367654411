"""At noon ten mails are sent at the same time, so ten processes send them."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = ["-q mails -c 1"] * 12 + ["-q gifs -c 1"] * 2 + ["-q reports -c 1"]
    return queues, lines
