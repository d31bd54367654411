"""Mail without a network, while the tests of exercise 5 run: what they send to an inbox of this process goes there directly.

`smtplib` says what it always says, and gets the same answers. It only needs no socket and no other thread for that, which is
most of what a mail costs, and the check sends hundreds.
"""

from __future__ import annotations

import io
import smtplib
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from lessons.kit import mail

LINE, MAIL = b"\r\n", b"\r\n.\r\n"  # how a command ends, and how a mail does

WELCOME = "220 localhost"
ANSWERS = {
    b"EHLO": "250-localhost\r\n250-SIZE 33554432\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 HELP",
    b"HELO": "250 localhost",
    b"MAIL": "250 OK",
    b"RCPT": "250 OK",
    b"RSET": "250 OK",
    b"NOOP": "250 OK",
    b"DATA": "354 End data with <CR><LF>.<CR><LF>",
    b"QUIT": "221 Bye",
}


def in_place_of_the_network() -> AbstractContextManager[Any]:
    """In this block, an `smtplib.SMTP` that connects to an inbox of this process speaks to it directly."""
    really = smtplib.SMTP._get_socket  # type: ignore[attr-defined]

    def connect(client: smtplib.SMTP, host: str, port: int, timeout: float) -> Any:
        inbox = mail.running.get(port) if host == mail.HOST else None
        return really(client, host, port, timeout) if inbox is None else Wire(inbox)

    return patch.object(smtplib.SMTP, "_get_socket", connect)


class Wire:
    """What stands in the place of a socket: it answers as soon as something has been said to it."""

    def __init__(self, inbox: mail.Inbox) -> None:
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
                self._answer(ANSWERS.get(verb, "500 Error: command not recognized"))

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
