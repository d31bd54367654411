# Right: a dataclass describes the mail; it travels as one argument, a plain dict of two texts, and is rebuilt in `perform`.
from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lessons.kit import send_gif
from minijobs import Worker


@dataclass(frozen=True, slots=True)
class Gif:
    email: str
    thought: str

    def send(self) -> None:
        send_gif(self.email, self.thought)

    @property
    def page(self) -> str:
        return f"You did it! An email is on its way to {self.email}"


class SendGifToUserWorker(Worker):
    def perform(self, fields: dict[str, Any]) -> None:
        Gif(**fields).send()


def create(email: str, thought: str) -> str:
    gif = Gif(email, thought)
    SendGifToUserWorker.perform_async(asdict(gif))
    return gif.page
