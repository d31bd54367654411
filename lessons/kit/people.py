"""The users of the application, standing in for a database: whoever looks one up gets what is true at that moment."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass
class User:
    """Somebody who uses the application."""

    id: int
    name: str
    email: str


_ROWS = {1: User(1, "Ada", "ada@example.com"), 2: User(2, "Grace", "grace@example.com")}
_users = {number: replace(user) for number, user in _ROWS.items()}


def find_user(number: int) -> User:
    """The user with this id, as the database has them now. Raises LookupError if there is none.

    >>> find_user(2).name
    'Grace'
    """
    return replace(row(number))


def row(number: int) -> User:
    """The row of the database that a user comes from. Raises LookupError if there is none."""
    if number not in _users:
        raise LookupError(f"There is no user {number!r}.")
    return _users[number]


def move_house(number: int, email: str) -> None:
    """The user with this id has a new address from now on."""
    _users[number] = replace(_users[number], email=email)


def rename(number: int, name: str) -> None:
    """The user with this id has a new name from now on."""
    _users[number] = replace(_users[number], name=name)


def as_they_were() -> None:
    """Everybody has their first name and address again."""
    _users.update({number: replace(user) for number, user in _ROWS.items()})
