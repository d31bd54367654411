"""All that is needed is here."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = ["-q mails -c 12", "-q gifs -c 1", "-q gifs -c 1", "-q reports -c 1"]
    print(queues, lines)
