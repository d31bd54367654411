"""The versions of `mailer.py` that the tests of exercise 5 are held against. Each differs from it in one thing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

MAILER = Path(__file__).with_name("mailer.py")

SEND = "        send_gif(email, thought, seconds=0)\n"
PUSH = "    SendGifToUserWorker.perform_async(email, thought)\n"
ANSWER = '    return f"You did it! An email is on its way to {email}"\n'
PERFORM = "    def perform(self, email, thought):\n"
CREATE = "def create(email, thought):\n"
IMPORT = "from lessons.kit import send_gif\n"
WORKER = "from minijobs import Worker\n"


@dataclass(frozen=True)
class Version:
    """A version of `mailer.py`: what it is called, what is different about it, and which text stands in place of which."""

    name: str
    what: str
    changes: tuple[tuple[str, str], ...] = ()

    @cached_property
    def source(self) -> str:
        """The file as it is in this version."""
        source = MAILER.read_text(encoding="utf-8")
        for before, after in self.changes:
            assert source.count(before) == 1, f"{self.name}: {before!r}"
            source = source.replace(before, after)
        return source

    def __str__(self) -> str:
        return self.name


AS_IT_IS = Version("mailer.py", "the file as it is")

RIGHT = (
    Version("another queue", "its jobs are in the queue mail", ((PERFORM, f'    queue = "mail"\n\n{PERFORM}'),)),
    Version("five retries", "its jobs are tried again 5 times", ((PERFORM, f"    retry = 5\n\n{PERFORM}"),)),
    Version("other words", "create answers with other words", ((ANSWER, '    return f"Thank you, {email}."\n'),)),
    Version(
        "another exception",
        "a refusal becomes a RuntimeError",
        (
            (IMPORT, f"import smtplib\n\n{IMPORT}"),
            (
                SEND,
                f"        try:\n    {SEND}        except smtplib.SMTPException as error:\n"
                '            raise RuntimeError("no mail today") from error\n',
            ),
        ),
    ),
    Version(
        "arguments by name",
        "send_gif gets its arguments by name",
        ((SEND, "        send_gif(thought=thought, email=email, seconds=0)\n"),),
    ),
    Version(
        "in bulk",
        "create pushes the job with perform_bulk",
        ((PUSH, "    SendGifToUserWorker.perform_bulk([[email, thought]])\n"),),
    ),
)

BROKEN_CREATE = (
    Version("pushes nothing", "create pushes no job", ((PUSH, ""),)),
    Version(
        "calls perform",
        "create calls perform, and pushes no job",
        ((PUSH, "    SendGifToUserWorker().perform(email, thought)\n"),),
    ),
    Version("pushes two", "create pushes the job twice", ((PUSH, PUSH + PUSH),)),
    Version(
        "swapped",
        "create swaps the address and the thought",
        ((PUSH, "    SendGifToUserWorker.perform_async(thought, email)\n"),),
    ),
    Version(
        "tomorrow",
        "create pushes a job for tomorrow",
        ((PUSH, "    SendGifToUserWorker.perform_in(24 * 60 * 60, email, thought)\n"),),
    ),
    Version("does both", "create pushes the job, and mails itself", ((PUSH, f"{PUSH}{SEND[4:]}"),)),
    Version(
        "first visitor",
        "each job is for the first visitor",
        (
            (CREATE, f"visitors = []\n\n\n{CREATE}"),
            (PUSH, "    visitors.append([email, thought])\n    SendGifToUserWorker.perform_async(*visitors[0])\n"),
        ),
    ),
    Version(
        "another class",
        "the job's class does not exist",
        (
            (WORKER, "from minijobs import Client, Worker\n"),
            (PUSH, '    Client().push({"class": "SendGifWorker", "args": [email, thought]})\n'),
        ),
    ),
    Version("no answer", "create returns None", ((ANSWER, ""),)),
)

BROKEN_PERFORM = (
    Version("does nothing", "perform does nothing", ((SEND, "        pass\n"),)),
    Version("always fails", "perform raises an exception, always", ((SEND, "        raise KeyError(email)\n"),)),
    Version(
        "one address",
        "perform always mails to test@test.com",
        ((SEND, '        send_gif("test@test.com", thought, seconds=0)\n'),),
    ),
    Version(
        "one thought",
        "perform always mails the thought hello",
        ((SEND, '        send_gif(email, "hello", seconds=0)\n'),),
    ),
    Version("two mails", "perform sends the mail twice", ((SEND, SEND + SEND),)),
)

BROKEN_REFUSAL = (
    Version(
        "swallows",
        "perform catches a refusal, and returns",
        (
            (IMPORT, f"import smtplib\n\n{IMPORT}"),
            (SEND, f'        try:\n    {SEND}        except smtplib.SMTPException:\n            print("no mail today")\n'),
        ),
    ),
    Version(
        "no retry",
        "retry is False: a failed job is dropped",
        ((PERFORM, f"    retry = False\n\n{PERFORM}"),),
    ),
)

BROKEN = (*BROKEN_CREATE, *BROKEN_PERFORM, *BROKEN_REFUSAL)
ALL = (AS_IT_IS, *RIGHT, *BROKEN)
