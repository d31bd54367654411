"""A connection to SQLite that says when something has been changed, and when it has been committed, in whichever way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any


class WatchedCursor(sqlite3.Cursor):
    """Has its connection look after each statement."""

    def execute(self, *args: Any) -> Any:
        done = super().execute(*args)
        self.connection.look()
        return done

    def executemany(self, *args: Any) -> Any:
        done = super().executemany(*args)
        self.connection.look()
        return done

    def executescript(self, *args: Any) -> Any:
        self.connection.executescript(*args)
        return self


class WatchedConnection(sqlite3.Connection):
    """Calls `changed` when rows were changed in a transaction, and `committed` when these changes are there for good."""

    changed: Callable[[], object] = staticmethod(bool)
    committed: Callable[[str | None], object] = staticmethod(bool)  # with "with", if the end of a `with` did it
    _by: str | None = None
    _changes = _settled = 0  # how many rows were changed, and of how many it is known what became of them

    def look(self) -> None:
        """Look whether something has been changed, or committed, since the last look."""
        changes = self.total_changes
        if self.in_transaction and changes > self._changes:
            self.changed()
        elif not self.in_transaction and changes > self._settled:
            self._settled = changes
            self.committed(self._by)
        self._changes = changes

    def cursor(self, *_: Any) -> Any:
        return super().cursor(WatchedCursor)

    def execute(self, *args: Any) -> Any:
        return self.cursor().execute(*args)

    def executemany(self, *args: Any) -> Any:
        return self.cursor().executemany(*args)

    def executescript(self, *args: Any) -> Any:
        if self.in_transaction:
            self.commit()  # it does that first by itself, and a process can die just after it
        done = super().executescript(*args)
        self.look()
        return done

    def commit(self) -> None:
        super().commit()
        self.look()

    def rollback(self) -> None:
        super().rollback()
        self._settled = self.total_changes

    def __exit__(self, kind: Any, *error: Any) -> Any:
        self._by = "with"
        done = super().__exit__(kind, *error)
        if kind is not None:
            self._settled = self.total_changes
        self.look()
        self._by = None
        return done
