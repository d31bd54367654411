"""As in the lesson, with the file of the Workers."""


def set_up(day):
    queues = {"mail": "mails", "gif": "gifs", "report": "reports"}
    lines = [
        "-r jobs.py -q mails -c 12",
        "-r jobs.py -q gifs -c 1 --processes 2",
        "-r jobs.py -q reports -c 1",
    ]
    return queues, lines
