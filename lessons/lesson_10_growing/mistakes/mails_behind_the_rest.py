"""All the threads that there may be."""


def set_up(day):
    queues = {"mail": "default", "gif": "default", "report": "default"}
    return queues, ["-q default -c 30"]
