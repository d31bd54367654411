"""A real mail server that keeps what it gets, and the slow function that sends to it."""

from __future__ import annotations

import os
import smtplib
import socket
import sys
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from . import stage, timeline
from .show import Table

if sys.platform == "emscripten":  # a browser, which has no sockets
    from .wire import Served
else:
    from .served import Served

# What the application of this course suffers from: its mail takes so many seconds to send.
SLOW = 5.0

HOST = "127.0.0.1"

# In the environment of a process that a lesson starts: the port of the lesson's mail server.
PORT = "MINIJOBS_LESSON_SMTP_PORT"


class Inbox:
    """A mail server on this machine. Everything sent to it is kept and can be looked at; nothing leaves the machine.

    It is served at `listening`, a socket of this machine that listens, or else at a port that is free.
    """

    TOO_BUSY = "451 The mail server is busy, try again later"

    def __init__(self, listening: socket.socket | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.refused = 0
        self._refuse = 0
        self._refuse_recipients = 0
        self._controller = Served(self, listening)
        self._controller.start()
        self._running = True
        self.port: int = self._controller.port
        running[self.port] = self

    def __len__(self) -> int:
        return len(self.mails)

    def refuse(self, times: int) -> None:
        """Refuse the next `times` mails, as a server does that is too busy: "451 try again later"."""
        self._refuse = times

    def refuse_recipients(self, times: int) -> None:
        """Refuse the next `times` recipients: the same answer, but earlier, so that `smtplib` raises another exception."""
        self._refuse_recipients = times

    def empty(self) -> None:
        """Throw away what has arrived."""
        self.mails.clear()

    @property
    def running(self) -> bool:
        """Whether it takes mail: it does until it is stopped."""
        return self._running

    def stop(self) -> None:
        """Close the server. Doing it twice is the same as once."""
        if self._running:
            self._running = False
            del running[self.port]
            self._controller.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """What aiosmtpd calls for each mail."""
        return self.take(envelope.content)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        """What aiosmtpd calls for each recipient."""
        envelope.rcpt_tos.append(address)
        return self.accept()

    def accept(self) -> str:
        """A mail is to go to somebody. Returns what the server answers."""
        if self._refuse_recipients > 0:
            self._refuse_recipients -= 1
            return self._say_no()
        return "250 OK"

    def take(self, content: bytes) -> str:
        """A mail has come, these bytes. Returns what the server answers."""
        if self._refuse > 0:
            self._refuse -= 1
            return self._say_no()
        mail = self.read(content)
        self.mails.append(mail)
        timeline.mark("inbox", f"mail to {mail['To']}")
        return "250 OK"

    def _say_no(self) -> str:
        self.refused += 1
        timeline.mark("inbox", "refused")
        return self.TOO_BUSY

    @staticmethod
    def read(content: bytes) -> EmailMessage:
        """The mail that was sent as these bytes."""
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail

    def show(self) -> Table:
        """The mails, the oldest first."""
        rows = [[number, mail["To"], mail["Subject"]] for number, mail in enumerate(self.mails, start=1)]
        return Table(["", "to", "subject"], rows or [["", "(no mail)", ""]])

    def __repr__(self) -> str:
        return str(self.show())

    def __rich__(self) -> Any:
        return self.show().__rich__()

    def _repr_html_(self) -> str:
        return self.show().html()


running: dict[int, Inbox] = {}
"""The inboxes of this process that take mail, by their ports."""

_inbox: Inbox | None = None


def catch_mail() -> Inbox:
    """Start the mail server of this lesson, empty, and return its inbox."""
    global _inbox
    if _inbox is not None:
        _inbox.stop()
    _inbox = Inbox()
    return _inbox


def use(inbox: Inbox) -> None:
    """Send to this inbox from now on, which is running."""
    global _inbox
    _inbox = inbox


def send_gif(email: str, thought: str, *, seconds: float = SLOW) -> None:
    """Mail a thought to somebody, slowly: `seconds` pass first, as with a mail provider far away.

    Raises what `smtplib` raises when the server refuses the mail or is not there.
    """
    time.sleep(stage.pause(seconds))
    port = _inbox.port if _inbox is not None else int(os.environ.get(PORT, 0))
    if not port:
        raise ConnectionRefusedError("There is no mail server: run the cell with catch_mail() first.")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "gif@example.com", email, thought
    mail.set_content(f"Somebody thought of you: {thought}")
    # By itself, smtplib would look up the name of this machine first.
    with smtplib.SMTP(HOST, port, "localhost", timeout=10) as server:
        server.send_message(mail)


def reached_by() -> dict[str, str]:
    """What a process needs in its environment to send to the inbox of this lesson; nothing if there is none."""
    return {} if _inbox is None else {PORT: str(_inbox.port)}
