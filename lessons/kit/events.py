"""The events of a calendar, standing in for a table of a database, and what reminds somebody of one.

Whoever looks an event up gets what is true at that moment, in whichever process they are.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from .mail import send_gif

_rows: dict[str, dict[str, Any]] = {}


def find_event(name: str) -> dict[str, Any] | None:
    """The row of this event, as the database has it now: a dict. None if there is no such event.

    >>> save_event("tea", at=1795000000)
    >>> save_event("tea", place="the kitchen")
    >>> find_event("tea")
    {'at': 1795000000, 'place': 'the kitchen'}
    >>> delete_event("tea")
    >>> print(find_event("tea"))
    None
    """
    return deepcopy(_rows.get(name))


def save_event(name: str, **fields: Any) -> None:
    """Write these fields into the row of this event, which is made if there is none. The other fields stay as they are."""
    _rows.setdefault(name, {}).update(deepcopy(fields))


def delete_event(name: str) -> None:
    """Delete the row of this event, if there is one."""
    _rows.pop(name, None)


def forget_events() -> None:
    """There are no events any more."""
    _rows.clear()


def remind(name: str) -> None:
    """Mail Ada that it is time for this event."""
    send_gif("ada@example.com", name, seconds=0)
