"""The database: who has an account. It is one file, and several processes read and write it."""

import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass

FILE = os.environ.get("APP_DATABASE", "app.db")

TABLE = """
create table if not exists users (id integer primary key, name text unique, email text, avatar text);
insert or ignore into users (id, name, email) values
    (1, 'ada', 'ada@example.com'), (2, 'grace', 'grace@example.com'), (3, 'linus', 'linus@example.com');
"""


@dataclass
class User:
    """Somebody who has an account."""

    id: int
    name: str
    email: str


@contextmanager
def transaction():
    """What is written in this block is saved at its end, all of it; or none of it, if the block raises.

    Until then, nobody else sees anything of it.
    """
    db = sqlite3.connect(FILE, timeout=10)
    try:
        with db:
            yield db
    finally:
        db.close()


def prepare():
    """Make the table, and the first accounts, if they are not there yet."""
    with transaction() as db:
        db.executescript(TABLE)


def find_user(number):
    """The user with this id. Raises LookupError if there is none."""
    return _one("id", number)


def user_called(name):
    """The user with this name. Raises LookupError if there is none."""
    return _one("name", name)


def add_user(db, name, email):
    """A new account. Returns its id. Raises sqlite3.IntegrityError if the name is taken."""
    return db.execute("insert into users (name, email) values (?, ?)", [name, email]).lastrowid


def set_avatar(db, number, avatar):
    """The picture beside the name of a user."""
    db.execute("update users set avatar = ? where id = ?", [avatar, number])


def set_email(db, name, email):
    """Somebody has a new address."""
    db.execute("update users set email = ? where name = ?", [email, name])


def remove_user(db, name):
    """Somebody no longer has an account."""
    db.execute("delete from users where name = ?", [name])


def _one(column, value):
    with transaction() as db:
        row = db.execute(f"select id, name, email from users where {column} = ?", [value]).fetchone()
    if row is None:
        raise LookupError(f"There is no user whose {column} is {value!r}.")
    return User(*row)


if __name__ == "__main__":
    prepare()
