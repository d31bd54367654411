"""The commands, as one types them."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "minijobs worker -q mails -c 12",
        "minijobs worker -q gifs -c 1 --processes 2",
        "minijobs worker -q reports -c 1",
    ]
    return queues, lines
