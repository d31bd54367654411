# Right: a dataclass says what travels, an id and a date; it is rebuilt in `perform`, and the user looked up there.
from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from lessons.kit import User, find_user, send_gif
from minijobs import Worker


@dataclass(frozen=True, kw_only=True)
class Card:
    user_id: int
    day: str

    @classmethod
    def of(cls, user: User, day: date) -> Card:
        return cls(user_id=user.id, day=day.isoformat())

    def send(self) -> None:
        user = find_user(self.user_id)
        send_gif(user.email, f"Happy {date.fromisoformat(self.day):%A}, {user.name}")


class SendCardWorker(Worker):
    def perform(self, card: dict[str, int | str]) -> None:
        Card(**card).send()


def greet(user: User, day: date) -> None:
    SendCardWorker.perform_async(asdict(Card.of(user, day)))
