"""What comes all day is in the default queue, and only what is slow has one of its own."""


def set_up(day):
    queues = {"mail": "default", "gif": "default", "report": "slow"}
    lines = [
        "-c 14",
        "-c 14",
        "-q slow -c 1",
    ]
    return queues, lines
