# Right: fully typed, with class options; the jobs go to a queue of their own, which a worker process must serve (-q mail).
from __future__ import annotations

from typing import ClassVar, Final

from lessons.kit import send_gif
from minijobs import Worker

MAIL_QUEUE: Final = "mail"


class SendGifToUserWorker(Worker):
    queue: ClassVar[str] = MAIL_QUEUE
    retry: ClassVar[bool | int] = 5
    tags: ClassVar[list[str] | None] = ["gif"]

    def perform(self, email: str, thought: str) -> None:
        send_gif(email, thought)


def create(email: str, thought: str) -> str:
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
