"""several queues behind one -q"""


def set_up(day):
    queues = {"mail": "mail", "gif": "gif", "report": "report"}
    lines = [
        "-q mail -c 14",
        # two that make GIFs, and the one with the reports helps when it has none
        "-q gif -c 1 --processes 2",
        "-q report gif -c 1",
    ]
    return queues, lines
