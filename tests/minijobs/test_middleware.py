"""Code around every push, and around every run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from minijobs import Client, Processor, Worker, middleware
from minijobs.middleware import Chain

JOB = {"class": "Mail", "args": ["ada"]}


def note(said: list[str], name: str) -> Callable[..., None]:
    def link(*context: Any) -> None:
        *_, go_on = context
        said.append(f"before {name}")
        go_on()
        said.append(f"after {name}")

    return link


def test_the_first_added_is_the_outermost() -> None:
    said: list[str] = []
    chain = Chain()
    chain.add(note(said, "one"))
    chain.add(note(said, "two"))
    chain.invoke("context", last=lambda: said.append("last"))
    assert said == ["before one", "before two", "last", "after two", "after one"]


def test_an_empty_chain_takes_the_last_step() -> None:
    said: list[str] = []
    Chain().invoke(last=lambda: said.append("last"))
    assert said == ["last"]


def test_what_was_removed_is_not_called() -> None:
    said: list[str] = []
    chain = Chain()
    link = chain.add(note(said, "one"))
    chain.remove(link)
    chain.invoke(last=lambda: said.append("last"))
    assert said == ["last"]
    with pytest.raises(ValueError, match="not in list"):
        chain.remove(link)


def test_a_chain_allows_what_each_of_its_links_lets_through() -> None:
    chain = Chain()
    assert chain.allows("context")
    chain.add(note([], "one"))
    assert chain.allows("context")
    chain.add(lambda context, go_on: None)
    assert not chain.allows("context")


def test_a_link_that_removes_itself_may_still_refuse() -> None:
    chain = Chain()
    refuse_one = chain.add(lambda context, go_on: chain.remove(refuse_one))
    assert not chain.allows("context")
    assert chain.allows("context")


def test_a_chain_can_be_used_again() -> None:
    said: list[str] = []
    chain = Chain()
    chain.add(note(said, "one"))
    for _ in range(2):
        chain.invoke(last=lambda: said.append("last"))
    assert said == ["before one", "last", "after one"] * 2


def test_an_exception_comes_out_through_all_of_them() -> None:
    said: list[str] = []
    chain = Chain()

    @chain.add
    def tidy(go_on: Callable[[], None]) -> None:
        try:
            go_on()
        finally:
            said.append("tidied")

    def fail() -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        chain.invoke(last=fail)
    assert said == ["tidied"]


def test_client_middleware_may_change_a_job(redis: redis_py.Redis) -> None:
    @middleware.client.add
    def tag(job: dict[str, Any], push: Callable[[], None]) -> None:
        job["tags"] = ["mail"]
        push()

    Client().push(JOB)
    assert b'"tags":["mail"]' in redis.lindex("queue:default", 0)


def test_client_middleware_may_cancel_a_push(redis: redis_py.Redis) -> None:
    @middleware.client.add
    def only_ada(job: dict[str, Any], push: Callable[[], None]) -> None:
        if job["args"] == ["ada"]:
            push()

    assert Client().push({**JOB, "args": ["grace"]}) is None
    assert redis.keys() == []
    jids = Client().push_bulk({**JOB, "args": [["grace"], ["ada"], ["grace"]]})
    assert [jid is None for jid in jids] == [True, False, True]
    assert redis.llen("queue:default") == 1


def test_client_middleware_that_raises_stops_the_push(redis: redis_py.Redis) -> None:
    @middleware.client.add
    def refuse(job: dict[str, Any], push: Callable[[], None]) -> None:
        raise PermissionError("not today")

    with pytest.raises(PermissionError):
        Client().push(JOB)
    assert redis.keys() == []


def test_what_client_middleware_adds_is_checked_too(redis: redis_py.Redis) -> None:
    @middleware.client.add
    def spoil(job: dict[str, Any], push: Callable[[], None]) -> None:
        job["args"].append({1})
        push()

    with pytest.raises(TypeError, match="Argument 2 of Mail is a set"):
        Client().push(JOB)
    assert redis.keys() == []


def test_server_middleware_is_around_the_run_and_sees_worker_and_job(processor: Processor) -> None:
    said: list[Any] = []

    class Mail(Worker):
        def perform(self, name: str) -> None:
            said.append(name)

    @middleware.server.add
    def announce(worker: Worker, job: dict[str, Any], run: Callable[[], None]) -> None:
        said.append((type(worker), worker.jid, job["args"]))
        run()
        said.append("after")

    jid = Mail.perform_async("ada")
    assert said == []
    processor.process_one()
    assert said == [(Mail, jid, ["ada"]), "ada", "after"]


def test_server_middleware_that_raises_makes_the_job_fail(processor: Processor, places: Callable) -> None:
    class Mail(Worker):
        def perform(self) -> None: ...

    @middleware.server.add
    def refuse(worker: Worker, job: dict[str, Any], run: Callable[[], None]) -> None:
        raise PermissionError("not today")

    jid = Mail.perform_async()
    assert processor.process_one().name == "retry"
    assert places(jid) == ["retry"]


def test_a_direct_call_knows_no_middleware() -> None:
    middleware.client.add(lambda *context: pytest.fail("called"))
    middleware.server.add(lambda *context: pytest.fail("called"))

    class Mail(Worker):
        def perform(self) -> str:
            return "sent"

    assert Mail().perform() == "sent"


# To call it runs nothing


async def asynchronous(*context: Any) -> None: ...


def generator(*context: Any) -> Any:
    yield


class AsyncObject:
    async def __call__(self, *context: Any) -> None: ...


@pytest.mark.parametrize("link", [asynchronous, generator, AsyncObject(), functools.partial(asynchronous, 1)])
def test_what_would_not_run_is_no_middleware(link: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^This middleware is async or a generator, and to call it runs nothing: make it a plain"
    ):
        Chain().add(link)


@pytest.mark.parametrize("link", [lambda *context: asynchronous(), lambda *context: generator()])
def test_what_turns_out_not_to_run_fails_the_push_and_the_run(
    redis: redis_py.Redis, processor: Processor, monkeypatch: pytest.MonkeyPatch, link: Any
) -> None:
    class Mail(Worker):
        retry = 0

        def perform(self) -> None: ...

    Mail.perform_async()
    monkeypatch.setattr(middleware, "client", Chain())
    monkeypatch.setattr(middleware, "server", Chain())
    middleware.client.add(link)
    middleware.server.add(link)
    with pytest.raises(TypeError, match="This middleware is async"):
        Mail.perform_async()
    outcome = processor.process_one()
    assert outcome is not None
    assert (outcome.name, type(outcome.error)) == ("dead", TypeError)
