"""A program of somebody who checks types: `mypy --strict` has nothing to say about it. It is not run."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import redis

import minijobs
from minijobs import Client, DeadSet, Queue, RetrySet, Server, Stats, Worker, middleware, on, testing


class SendGif(Worker):
    queue = "mail"
    retry = 5
    tags = ["gif"]  # noqa: RUF012 - as a beginner writes it

    def perform(self, email: str, thought: str = "hello") -> None:
        if self.stopping:
            raise InterruptedError(self.jid)

    @staticmethod
    def retry_in(count: int, error: BaseException) -> timedelta | None:
        return timedelta(minutes=count) if isinstance(error, OSError) else None

    @staticmethod
    def retries_exhausted(job: dict[str, Any], error: BaseException) -> None:
        print(job["args"], error)


@middleware.client.add
def tag(job: dict[str, Any], call_next: Callable[[], None]) -> None:
    job["tags"] = ["mail"]
    call_next()


@middleware.server.add
def announce(worker: Worker, job: dict[str, Any], call_next: Callable[[], None]) -> None:
    print(worker.jid)
    call_next()


@on("startup")
def connect() -> None:
    minijobs.connect(redis.Redis())


def main() -> int:
    minijobs.death_handlers.append(lambda job, error: print(job["jid"], error))
    jid: str | None = SendGif.perform_async("ada@example.com")
    SendGif.perform_in(timedelta(hours=1), "ada@example.com")
    SendGif.set(queue="slow", retry=False).perform_bulk([["ada@example.com"], ["grace@example.com"]])
    Client().push({"class": "Mail::SendGif", "args": ["ada@example.com"]})
    for entry in RetrySet():
        if entry.jid == jid and entry.score > 0:
            entry.reschedule(entry.score + 60)
    waiting: list[list[Any]] = [record.args for record in Queue("mail")]
    print(waiting, len(DeadSet()), Stats().processed)
    with testing.fake():
        SendGif.perform_async("ada@example.com")
        ran: int = testing.drain(SendGif)
    return Server("mail", weights={"mail": 2}, concurrency=2).run() + ran
