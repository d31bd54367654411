"""Mail without a network: what this process sends to an inbox of its own goes there directly.

`smtplib` says what it always says, and gets the same answers. It only needs no socket and no thread for that. A browser
has neither; and they are most of what a mail costs, of which the tests of exercise 5 send hundreds.
"""

from __future__ import annotations

import errno
import io
import itertools
import smtplib
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .mail import Inbox

LINE, MAIL = b"\r\n", b"\r\n.\r\n"  # how a command ends, and how a mail does

WELCOME = "220 localhost"
ANSWERS = {
    b"EHLO": "250-localhost\r\n250-SIZE 33554432\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 HELP",
    b"HELO": "250 localhost",
    b"MAIL": "250 OK",
    b"RSET": "250 OK",
    b"NOOP": "250 OK",
    b"DATA": "354 End data with <CR><LF>.<CR><LF>",
    b"QUIT": "221 Bye",
}


def in_place_of_the_network() -> AbstractContextManager[Any]:
    """In this block, an `smtplib.SMTP` that connects to an inbox of this process speaks to it directly."""
    from unittest.mock import patch  # a second in a browser, which needs no patch

    really = smtplib.SMTP._get_socket  # type: ignore[attr-defined]

    def connect(client: smtplib.SMTP, host: str, port: int, timeout: float) -> Any:
        inbox = _inbox_at(host, port)
        return really(client, host, port, timeout) if inbox is None else Wire(inbox)

    return patch.object(smtplib.SMTP, "_get_socket", connect)


class Served:
    """An inbox that is served where there are no sockets. Its port is only a number, by which `smtplib` finds it."""

    ports = itertools.count(49152)

    def __init__(self, inbox: Inbox, listening: None = None) -> None:
        self.port = next(self.ports)

    def start(self) -> None:
        """From now on, `smtplib` speaks to the inboxes of this process, and to nobody else."""
        smtplib.SMTP._get_socket = _connect  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Nothing listens, so there is nothing to close."""


def _connect(client: smtplib.SMTP, host: str, port: int, timeout: float) -> Wire:
    inbox = _inbox_at(host, port)
    if inbox is None:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    return Wire(inbox)


def _inbox_at(host: str, port: int) -> Inbox | None:
    from . import mail

    return mail.running.get(port) if host == mail.HOST else None


class Wire:
    """What stands in the place of a socket: it answers as soon as something has been said to it."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._ends = LINE
        self._said = b""
        self._answers = io.BytesIO()
        self._answer(WELCOME)

    def sendall(self, said: bytes) -> None:
        """Take what the client says, and answer each command in it, and each mail."""
        self._said += said
        while self._ends in self._said:
            one, _, self._said = self._said.partition(self._ends)
            if self._ends == MAIL:
                self._ends = LINE
                lines = (one + LINE).splitlines(keepends=True)
                self._answer(self._inbox.take(b"".join(line.removeprefix(b".") for line in lines)))
            else:
                verb = one[:4].upper()
                self._ends = MAIL if verb == b"DATA" else LINE
                answer = ANSWERS.get(verb, "500 Error: command not recognized")
                self._answer(self._inbox.accept() if verb == b"RCPT" else answer)

    def makefile(self, mode: str) -> io.BytesIO:
        """Where the client reads the answers."""
        return self._answers

    def close(self) -> None:
        """The connection has ended, and nothing is left to be done."""

    def _answer(self, text: str) -> None:
        read = self._answers.tell()
        self._answers.seek(0, io.SEEK_END)
        self._answers.write(text.encode() + LINE)
        self._answers.seek(read)
