"""The queues are in the lines."""


def set_up(day):
    return ["-q mails -c 12", "-q gifs -c 1", "-q gifs -c 1", "-q reports -c 1"]
