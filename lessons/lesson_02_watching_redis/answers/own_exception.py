# Right: the day travels as three numbers; a user who is gone is an exception of its own, on which the Worker gives up.
from __future__ import annotations

from datetime import date

from lessons.kit import User, find_user, send_gif
from minijobs import Worker


class UserIsGone(Exception):
    """There is nobody left to congratulate."""


def current_user(user_id: int) -> User:
    try:
        return find_user(user_id)
    except LookupError as error:
        raise UserIsGone(f"User {user_id} has left since.") from error


class SendCardWorker(Worker):
    def perform(self, user_id: int, year: int, month: int, day: int) -> None:
        user = current_user(user_id)
        send_gif(user.email, f"Happy {date(year, month, day):%A}, {user.name}")

    @staticmethod
    def retry_in(count: int, error: BaseException) -> str | None:
        return "kill" if isinstance(error, UserIsGone) else None


def greet(user: User, day: date) -> str | None:
    return SendCardWorker.perform_async(user.id, day.year, day.month, day.day)
