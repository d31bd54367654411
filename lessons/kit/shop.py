"""A small shop: its database, and a payment provider, which is another company with books of its own.

Both are files in the folder of the lesson, so every process of it sees the same, and a process that is killed leaves what it
has written.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from .mail import send_gif
from .session import folder
from .show import Table

ORDERS = """CREATE TABLE IF NOT EXISTS orders
    (number INTEGER PRIMARY KEY, email TEXT, cents INTEGER, paid INTEGER DEFAULT 0)"""
OUTBOX = "CREATE TABLE IF NOT EXISTS outbox (number INTEGER)"
PAYMENTS = """CREATE TABLE IF NOT EXISTS payments
    (number INTEGER PRIMARY KEY, email TEXT, cents INTEGER, key TEXT UNIQUE)"""


def database() -> sqlite3.Connection:
    """A connection to the shop's database. Its table `orders` has a number, an email, cents, and paid: 0 or 1. There is a
    table `outbox`, too, with a number, and nothing in it.
    """
    return _opened("shop.db", ORDERS, OUTBOX)


def take_payment(email: str, cents: int, key: str | None = None) -> int:
    """Have the provider take so much from somebody. Returns the number of the payment.

    With a `key` that it has seen before, the provider takes nothing, and returns the number of the payment of then.
    Raises ValueError if that was another payment: from somebody else, or of another amount.
    """
    with closing(_opened("provider.db", PAYMENTS)) as books, books:
        asked = (email, cents, None if key is None else str(key))
        added = books.execute("INSERT OR IGNORE INTO payments (email, cents, key) VALUES (?, ?, ?)", asked)
        if added.rowcount:
            return int(added.lastrowid or 0)
        number, *before = books.execute("SELECT number, email, cents FROM payments WHERE key = ?", asked[2:]).fetchone()
        if tuple(before) != asked[:2]:
            raise ValueError(f"The key {key!r} belongs to another payment: {before[1]} cents from {before[0]}.")
        return int(number)


def send_receipt(email: str, order: int) -> None:
    """Mail somebody the receipt for an order."""
    send_gif(email, f"receipt for order {order}", seconds=0)


def orders() -> list[tuple[int, str, int, int]]:
    """What is in the table `orders`: number, email, cents, paid."""
    with closing(database()) as db:
        return db.execute("SELECT number, email, cents, paid FROM orders ORDER BY number").fetchall()


def payments() -> list[tuple[str, int]]:
    """What the provider has taken: from whom, and how much."""
    with closing(_opened("provider.db", PAYMENTS)) as books:
        return books.execute("SELECT email, cents FROM payments ORDER BY number").fetchall()


def books() -> Table:
    """The orders of the shop, and the payments that the provider has taken, side by side as they came."""
    rows = [[f"order {number}", email, cents, "yes" if paid else "no"] for number, email, cents, paid in orders()]
    rows += [["payment", email, cents, ""] for email, cents in payments()]
    return Table(["", "email", "cents", "marked as paid"], rows or [["(nothing)", "", "", ""]])


def empty_the_shop() -> None:
    """There are no orders and no payments any more, and no tables beside them."""
    for name in ("shop.db", "provider.db"):
        for ending in ("", "-journal"):
            (folder() / f"{name}{ending}").unlink(missing_ok=True)


def _opened(name: str, *tables: str) -> sqlite3.Connection:
    opened = sqlite3.connect(folder() / name)
    # A process may be killed here, the machine is not: nobody needs to wait until the disk has everything.
    opened.execute("PRAGMA synchronous = OFF")
    for table in tables:
        opened.execute(table)
    return opened
