"""The mail of the seed: slow to send, with a picture made for the thought, and caught on this machine, within limits."""

from __future__ import annotations

import itertools
import os
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Collection
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid
from html import escape
from typing import Any, NamedTuple

from lessons.kit import stage
from lessons.kit.mail import SLOW, Inbox

from .picture import draw

# Where the mail server is, for the worker process: a port of this machine.
SMTP_PORT = "MINIJOBS_APP_SMTP_PORT"

# The mail says which job sent it. A direct call is no job, and leaves this out.
SENT_BY = "X-Job-Id"

# More than anybody looks at; and what a mail may have, so that no mail costs the page its memory or its time.
MOST_MAILS = 200
MOST_BYTES = 20_000_000  # of all mails that are kept
LARGEST_MAIL = 1_000_000  # bytes
LONGEST_HEADER = 10_000  # characters: the standard library takes minutes to read one that is much longer
MOST_PARTS = 100


def send_gif(email: str, thought: str, *, jid: str | None = None) -> None:
    """Mail somebody a thought with a picture, slowly: five seconds pass first, as with a mail provider far away.

    Raises what `smtplib` raises when the server refuses the mail or is not there.
    """
    time.sleep(stage.pause(SLOW))
    with smtplib.SMTP("127.0.0.1", int(os.environ[SMTP_PORT]), timeout=10) as server:
        server.send_message(write(email, thought, jid=jid))


def write(email: str, thought: str, *, jid: str | None = None) -> EmailMessage:
    """The mail: as plain text, and as HTML with the picture inside."""
    mail = EmailMessage()
    mail["From"], mail["To"] = Address("Somebody", "gif", "example.com"), Address(addr_spec=email)
    mail["Subject"] = thought
    if jid is not None:
        mail[SENT_BY] = jid
    mail.set_content(f"Somebody thought of you: {thought}\n")
    picture = make_msgid(domain="example.com")
    mail.add_alternative(
        '<body style="font: 16px system-ui, sans-serif; text-align: center; margin: 24px">'
        f'<img src="cid:{picture[1:-1]}" width="420" height="236" alt="" '
        'style="border-radius: 12px; max-width: 100%; height: auto">'
        f'<p dir="auto" style="font-size: 20px">{escape(thought)}</p>'
        '<p style="color: #777">Somebody thought of you.</p></body>',
        subtype="html",
    )
    part: Any = mail.get_payload(1)
    part.add_related(draw(thought), "image", "gif", cid=picture, filename="thought.gif", disposition="inline")
    return mail


class Caught(NamedTuple):
    """A mail that arrived: its number, when that was, in epoch seconds, the mail, and the bytes that it came as."""

    number: int
    at: float
    mail: EmailMessage
    source: bytes

    @property
    def jid(self) -> str:
        """The job that sent it, or nothing."""
        return self.header(SENT_BY)

    @property
    def to(self) -> str:
        """Who it is for."""
        return self.header("To")

    @property
    def subject(self) -> str:
        """What it is about."""
        return self.header("Subject") or "(no subject)"

    def header(self, name: str) -> str:
        """What a header says; nothing if it is not there. Anybody may have written it."""
        try:
            return str(self.mail.get(name, "")).encode(errors="replace").decode()
        except Exception:  # what the standard library raises for headers that are none is not said anywhere
            return "(unreadable)"

    def picture(self) -> bytes | None:
        """Its first GIF."""
        for part in self.mail.walk():
            if part.get_content_type() == "image/gif":
                return bytes(part.get_payload(decode=True) or b"")
        return None


class Catcher(Inbox):
    """The lessons' mail server, with numbered mails. It refuses the mails that it was told to refuse, and no others.

    `arrived` is told of each mail, `turned_away` of each refusal: the mail, and how often it will be refused again.
    """

    def __init__(self, listening: socket.socket | None = None) -> None:
        self.caught: list[Caught] = []
        self.arrived: Callable[[Caught], object] = bool
        self.turned_away: Callable[[Caught, int], object] = lambda mail, left: None
        self._numbers = itertools.count(1)
        self._refusals: dict[str, int] = {}
        self._lock = threading.Lock()
        super().__init__(listening)
        self._controller.SMTP_kwargs["data_size_limit"] = LARGEST_MAIL  # for every connection from now on

    def refuse_mail(self, jid: str | None, times: int) -> None:
        """Refuse what this job sends so many times; without a `jid`, what a direct call sends."""
        with self._lock:
            self._refusals[jid or ""] = times

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """What aiosmtpd calls for each mail."""
        try:
            read = self.read(envelope.content)
            if wrong := too_much(read):
                return f"552 {wrong}"
        except RecursionError:
            return "552 This mail is nested too deep"
        mail = Caught(next(self._numbers), time.time(), read, envelope.content)
        with self._lock:
            left = self._refusals.pop(mail.jid, 0) - 1
            if left > 0:
                self._refusals[mail.jid] = left
            if left < 0:
                self.caught = _newest([*self.caught, mail])
        if left >= 0:
            self.turned_away(mail, left)
            return self.TOO_BUSY
        self.arrived(mail)
        return "250 OK"

    def running(self) -> bool:
        """Whether anybody is served."""
        return self._controller.loop.is_running()

    def find(self, number: int) -> Caught | None:
        """The mail with this number, or None."""
        return next((mail for mail in self.caught if mail.number == number), None)

    def delete(self, numbers: Collection[int]) -> None:
        """Throw away the mails with these numbers."""
        with self._lock:
            self.caught = [mail for mail in self.caught if mail.number not in numbers]


def too_much(mail: EmailMessage) -> str | None:
    """What a mail has too much of, in words; None if nothing."""
    for number, part in enumerate(mail.walk()):
        if number == MOST_PARTS:
            return f"This mail has more than {MOST_PARTS} parts"
        if any(len(value) > LONGEST_HEADER for _, value in part.raw_items()):
            return f"A header of this mail has more than {LONGEST_HEADER} characters"
    return None


def _newest(mails: list[Caught]) -> list[Caught]:
    """The newest of these mails, as many as are kept; at least one."""
    kept, size = 0, 0
    for mail in reversed(mails):
        size += len(mail.source)
        if kept == MOST_MAILS or (kept and size > MOST_BYTES):
            break
        kept += 1
    return mails[-kept:]
