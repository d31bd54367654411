"""lines that are lists of words"""

from typing import Final

QUEUES: Final = {"mail": "mail", "gif": "gif", "report": "report"}


def set_up(day: dict[str, list[int]]) -> tuple[dict[str, str], list[list[str]]]:
    return QUEUES, [
        ["-q", "mail", "-c", "14"],
        ["-q", "gif", "-c", "1", "--processes", "2"],
        ["-q", "report", "-c", "1"],
    ]
