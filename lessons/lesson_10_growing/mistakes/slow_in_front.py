"""All threads that there may be, and each runs whatever comes."""


def set_up(day):
    queues = {"mail": "default", "gif": "default", "report": "default"}
    lines = [
        "-q default -c 10",
        "-q default -c 10",
        "-q default -c 10",
    ]
    return queues, lines
