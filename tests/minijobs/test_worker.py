"""Worker: what you subclass."""

from __future__ import annotations

import enum
import functools
import importlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from processes import lately

from minijobs import BadArgument, Processor, UnknownWorker, Worker, connection, middleware, worker


@pytest.fixture
def mail() -> type[Worker]:
    class Mail(Worker):
        ran: list[tuple[Any, ...]] = []  # noqa: RUF012

        def perform(self, email: str, thought: str = "hello") -> str:
            self.ran.append((email, thought, self.jid))
            return "sent"

    return Mail


def jobs(redis: redis_py.Redis, key: str = "queue:default") -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in reversed(redis.lrange(key, 0, -1))]


# A direct call is no job


def test_a_direct_call_runs_here_and_now_and_tells_redis_nothing(redis: redis_py.Redis, mail: Any) -> None:
    assert mail().perform("ada") == "sent"
    assert mail.ran == [("ada", "hello", None)]
    assert redis.keys() == []


def test_a_direct_call_that_fails_raises_and_is_not_tried_again(redis: redis_py.Redis) -> None:
    class Fails(Worker):
        calls = 0

        def perform(self) -> None:
            Fails.calls += 1
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        Fails().perform()
    assert Fails.calls == 1
    assert redis.keys() == []


def test_a_worker_without_perform_says_so() -> None:
    class Empty(Worker):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no perform"):
        Empty().perform()


# Pushing


def test_perform_async_leaves_a_job_and_runs_nothing(redis: redis_py.Redis, mail: Any) -> None:
    jid = mail.perform_async("ada", "hi")
    (job,) = jobs(redis)
    assert (job["class"], job["args"], job["jid"]) == ("Mail", ["ada", "hi"], jid)
    assert mail.ran == []


def test_the_class_attributes_travel_with_the_job(redis: redis_py.Redis) -> None:
    class Slow(Worker):
        queue = "slow"
        retry = 3
        retry_queue = "slower"
        dead = False
        tags = ["a"]  # noqa: RUF012

        def perform(self) -> None: ...

    Slow.perform_async()
    (job,) = jobs(redis, "queue:slow")
    assert {field: job[field] for field in ("queue", "retry", "retry_queue", "dead", "tags")} == {
        "queue": "slow",
        "retry": 3,
        "retry_queue": "slower",
        "dead": False,
        "tags": ["a"],
    }


def test_what_a_worker_does_not_say_is_not_in_its_jobs(redis: redis_py.Redis, mail: Any) -> None:
    mail.perform_async("ada")
    (job,) = jobs(redis)
    assert set(job) == {"class", "args", "retry", "queue", "jid", "created_at", "enqueued_at"}


def test_a_worker_may_have_a_name_of_its_own(redis: redis_py.Redis) -> None:
    class SendGif(Worker, name="Mail::SendGif"):
        def perform(self) -> None: ...

    SendGif.perform_async()
    assert jobs(redis)[0]["class"] == "Mail::SendGif"
    assert worker.find("Mail::SendGif") is SendGif


def test_set_changes_the_options_of_one_push(redis: redis_py.Redis, mail: Any) -> None:
    mail.set(queue="slow", retry=0).set(retry=5).perform_async("ada")
    mail.perform_async("grace")
    assert [(job["queue"], job["retry"]) for job in jobs(redis, "queue:slow") + jobs(redis)] == [
        ("slow", 5),
        ("default", True),
    ]


def test_set_leaves_the_options_that_it_adds_to_as_they_were(redis: redis_py.Redis, mail: Any) -> None:
    slow = mail.set(queue="slow")
    slow.set(retry=5)
    slow.perform_async("ada")
    assert jobs(redis, "queue:slow")[0]["retry"] is True


@pytest.mark.parametrize("name", ["perform_in", "perform_at"])
@pytest.mark.parametrize(
    "when", [60, timedelta(minutes=1), lambda: time.time() + 60, lambda: datetime.fromtimestamp(time.time() + 60, UTC)]
)
def test_perform_in_and_at_leave_a_job_for_later(redis: redis_py.Redis, mail: Any, name: str, when: Any) -> None:
    before = time.time()
    jid = getattr(mail, name)(when() if callable(when) else when, "ada")
    ((raw, score),) = redis.zrange("schedule", 0, -1, withscores=True)
    assert json.loads(raw)["jid"] == jid
    assert lately(score - 60, since=before)


@pytest.mark.parametrize("when", [0, -1, 1_000_000_000, datetime(2026, 1, 1, tzinfo=UTC)])
def test_a_moment_that_has_passed_means_now(redis: redis_py.Redis, mail: Any, places: Callable, when: Any) -> None:
    assert places(mail.perform_in(when, "ada")) == ["queue:default"]


def test_a_time_that_is_none_is_refused_and_nothing_is_pushed(redis: redis_py.Redis, mail: Any) -> None:
    with pytest.raises(TypeError, match="is no time"):
        mail.perform_in("tomorrow", "ada")
    assert redis.keys() == []


def test_perform_bulk_leaves_a_job_for_each_row(redis: redis_py.Redis, mail: Any) -> None:
    jids = mail.perform_bulk([name] for name in ("ada", "grace"))
    assert [(job["jid"], job["args"]) for job in jobs(redis)] == [(jids[0], ["ada"]), (jids[1], ["grace"])]


@pytest.mark.parametrize(
    "push",
    [
        lambda mail: mail.perform_async("ada", {1}),
        lambda mail: mail.perform_in(60, "ada", {1}),
        lambda mail: mail.perform_bulk([["ada", {1}]]),
        lambda mail: mail.perform_inline("ada", {1}),
    ],
)
def test_every_way_of_pushing_refuses_an_argument_by_the_name_that_perform_gives_it(
    redis: redis_py.Redis, mail: Any, push: Callable
) -> None:
    with pytest.raises(
        BadArgument, match=r"Argument 2 \(thought\) of Mail is a set, and JSON has no such thing. Pass a sorted list."
    ):
        push(mail)
    assert redis.keys() == []
    assert mail.ran == []


def test_arguments_may_be_refused_with_one_star_in_perform(redis: redis_py.Redis) -> None:
    class Many(Worker):
        def perform(self, *values: Any) -> None: ...

    with pytest.raises(BadArgument, match="Argument 3 of Many"):
        Many.perform_async(1, 2, {3})


# Inline


def test_perform_inline_runs_a_job_here_without_redis(redis: redis_py.Redis, mail: Any) -> None:
    assert mail.perform_inline("ada", "hi") is True
    ((email, thought, jid),) = mail.ran
    assert (email, thought, len(jid)) == ("ada", "hi", 24)
    assert redis.keys() == []


def test_perform_inline_hands_over_what_json_makes_of_the_arguments() -> None:
    class Keep(Worker):
        seen: Any = None

        def perform(self, value: Any) -> None:
            value["kept"] = True
            Keep.seen = value

    mine: dict[str, Any] = {"a": [1]}
    Keep.perform_inline(mine)
    assert mine == {"a": [1]}  # a copy was handed over, as it would be through Redis
    assert Keep.seen == {"a": [1], "kept": True}


def test_perform_inline_lets_the_exception_out_and_tries_nothing_again(redis: redis_py.Redis) -> None:
    class Fails(Worker):
        calls = 0

        def perform(self) -> None:
            Fails.calls += 1
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        Fails.perform_inline()
    assert Fails.calls == 1
    assert redis.keys() == []


def test_perform_inline_goes_through_both_middlewares(mail: Any) -> None:
    said = []

    @middleware.client.add
    def around_push(job: dict[str, Any], push: Callable[[], None]) -> None:
        said.append("push")
        push()

    @middleware.server.add
    def around_run(worker: Worker, job: dict[str, Any], run: Callable[[], None]) -> None:
        said.append("run")
        run()

    mail.perform_inline("ada")
    assert said == ["push", "run"]


def test_perform_inline_that_a_middleware_cancelled_did_not_run(mail: Any) -> None:
    middleware.client.add(lambda job, push: None)
    assert mail.perform_inline("ada") is False
    assert mail.ran == []


# Finding a Worker by its name


def test_a_worker_is_found_by_its_name(mail: Any) -> None:
    assert worker.find("Mail") is mail


def test_a_class_that_is_defined_again_replaces_the_first(mail: Any) -> None:
    class Mail(Worker):
        def perform(self) -> None: ...

    assert worker.find("Mail") is Mail is not mail


def test_two_modules_may_not_both_define_a_worker_of_one_name(mail: Any) -> None:
    with pytest.raises(ValueError, match=r"Two Workers are called Mail, test_worker\..*Mail and elsewhere\.Mail, and"):
        type("Mail", (Worker,), {"__module__": "elsewhere"})
    assert worker.find("Mail") is mail
    type("Mail", (Worker,), {"__module__": "elsewhere"}, name="Other")


def test_a_notebook_may_define_a_worker_again(mail: Any) -> None:
    again = type("Mail", (Worker,), {"__module__": "__main__"})
    assert worker.find("Mail") is again


def test_an_unknown_worker_is_answered_with_those_that_are_known(mail: Any) -> None:
    worker.registry.clear()
    worker.registry.update({"SendGif": mail, "Report": mail})
    with pytest.raises(UnknownWorker) as unknown:
        worker.find("SendGiff")
    assert str(unknown.value) == (
        "No Worker is called SendGiff (did you mean SendGif?). This process knows Report, SendGif. It knows those whose "
        "modules it has imported: import the one that defines SendGiff where the process starts."
    )


def test_a_process_that_knows_no_worker_says_so() -> None:
    worker.registry.clear()
    with pytest.raises(UnknownWorker, match="This process knows none at all"):
        worker.find("SendGif")


@pytest.mark.parametrize("name", ["os.system", "minijobs.worker.Worker", "Worker", "object", "__import__", ""])
def test_a_name_out_of_redis_finds_nothing_but_workers(name: str) -> None:
    with pytest.raises(UnknownWorker):
        worker.find(name)


def defined(name: str, module: str, qualname: str) -> type[Worker]:
    """A Worker as if it were written there."""
    return type(name, (Worker,), {"__module__": module, "__qualname__": qualname})


def test_two_classes_of_one_module_may_not_share_a_name() -> None:
    send = defined("Send", "app", "Invoice.Send")
    with pytest.raises(ValueError, match=r"Two Workers are called Send, app\.Invoice\.Send and app\.Mail\.Send, and"):
        defined("Send", "app", "Mail.Send")
    assert worker.find("Send") is send
    assert worker.find("Send") is not defined("Send", "app", "Invoice.Send")  # a reload


def test_two_functions_may_each_define_a_worker_of_one_name() -> None:
    defined("Greet", "test_app", "test_a.<locals>.Greet")
    again = defined("Greet", "test_app", "test_b.<locals>.Greet")
    assert worker.find("Greet") is again


@pytest.mark.parametrize(
    "options", [{"queue": "a|b"}, {"retry_queue": "a|b"}, {"retry": "often"}, {"queue": ""}, {"tags": "mail"}]
)
def test_an_option_that_no_job_can_have_is_refused_when_the_class_is_defined(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^Not a job: "):
        type("Refused", (Worker,), {**options, "perform": lambda self: None})
    assert "Refused" not in worker.registry


def test_a_base_without_a_perform_has_no_jobs_and_its_options_are_looked_at_where_there_are_some() -> None:
    class Base(Worker):
        queue = "a|b"

    with pytest.raises(ValueError, match=r'^Not a job: "queue" is \'a\|b\''):
        Base.perform_async()
    with pytest.raises(ValueError, match=r'^Not a job: "queue" is \'a\|b\''):

        class Heir(Base):
            def perform(self) -> None: ...


@pytest.mark.parametrize("name", [5, b"Mail", "\ud800"])
def test_a_name_that_no_job_can_carry_is_refused_with_or_without_a_perform(name: Any) -> None:
    for body in ({}, {"perform": lambda self: None}):
        with pytest.raises(ValueError, match=r'^Not a job: "class" is'):
            type("Refused", (Worker,), body, name=name)
    assert name not in worker.registry


@pytest.mark.parametrize("perform", [None, 5])
def test_a_perform_that_cannot_be_called_is_refused_when_the_class_is_defined(perform: Any) -> None:
    with pytest.raises(TypeError, match=r"^perform of Refused is a \w+: the name is a method's"):
        type("Refused", (Worker,), {"perform": perform})
    assert "Refused" not in worker.registry


@pytest.mark.parametrize("rows", [None, 5])
def test_rows_that_are_none_are_refused_in_one_sentence(mail: Any, rows: Any) -> None:
    with pytest.raises(BadArgument, match="must be a list of rows"):
        mail.perform_bulk(rows)


def test_an_option_that_is_changed_later_is_looked_at_with_the_next_push(mail: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "queue", "a|b", raising=False)
    with pytest.raises(ValueError, match=r'^Not a job: "queue" is \'a\|b\''):
        mail.perform_async("ada")
    monkeypatch.setattr(mail, "queue", "low")
    monkeypatch.setattr(mail, "tags", ["a", 5], raising=False)
    with pytest.raises(ValueError, match=r'^Not a job: "tags" is'):
        mail.perform_async("ada")


# A perform that would run nothing


async def coroutine(self: Any) -> None: ...


def generator(self: Any) -> Any:
    yield


async def async_generator(self: Any) -> Any:
    yield


PERFORMS = {
    "async": coroutine,
    "generator": generator,
    "async generator": async_generator,
    "static": staticmethod(coroutine),
    "class": classmethod(coroutine),
}


@pytest.mark.parametrize("perform", PERFORMS.values(), ids=list(PERFORMS))
def test_a_perform_of_which_a_call_runs_nothing_is_refused_when_the_class_is_defined(perform: Any) -> None:
    with pytest.raises(TypeError, match="perform of Idle is async or a generator, and to call it runs nothing: make it"):
        type("Idle", (Worker,), {"perform": perform})
    mixin = type("Mixin", (), {"perform": perform})
    with pytest.raises(TypeError, match="perform of Idle"):
        type("Idle", (mixin, Worker), {})
    assert "Idle" not in worker.registry


def test_a_decorated_generator_fails_when_it_runs() -> None:
    # Given a decorator that hides what it decorates
    @functools.wraps(generator)
    def wrapper(self: Any) -> Any:
        return generator(self)

    hidden = type("Hidden", (Worker,), {"perform": wrapper})
    # Then its job does not count as done
    with pytest.raises(TypeError, match="perform of Hidden is async or a generator"):
        hidden.perform_inline()


# Text that is more than text, and the clock


class Q(str, enum.Enum):  # noqa: UP042 - as people wrote it before StrEnum, and str(…) gives its name
    MAIL = "mail"


class Often(enum.IntEnum):
    TWICE = 2


def test_options_that_print_as_something_else_are_what_json_makes_of_them(redis: redis_py.Redis) -> None:
    # Given a Worker with such options, and a name of the same kind
    class Letter(Worker, name=Q.MAIL):
        queue = Q.MAIL
        retry = Often.TWICE

        def perform(self) -> None: ...

    # When it is pushed in each way
    Letter.perform_async()
    Letter.set(queue=Q.MAIL, tags=(Q.MAIL,)).perform_async()
    Letter.perform_bulk([[]])
    # Then they are in the one queue, as that name
    assert sorted(redis.keys()) == [b"queue:mail", b"queues"]
    assert [(job["class"], job["queue"], job["retry"]) for job in jobs(redis, "queue:mail")] == [("mail", "mail", 2)] * 3
    assert type(Letter.job_name) is str


def test_inline_sees_the_plain_options_too(mail: Any) -> None:
    seen: list[Any] = []

    @middleware.client.add
    def change(job: dict[str, Any], push: Callable[[], None]) -> None:
        job["retry_queue"] = Q.MAIL
        push()

    @middleware.server.add
    def look(instance: Worker, job: dict[str, Any], run: Callable[[], None]) -> None:
        seen.extend([job["queue"], job["retry_queue"]])
        run()

    mail.set(queue=Q.MAIL).perform_inline("ada")
    assert seen == ["mail", "mail"]
    assert {type(name) for name in seen} == {str}


def test_an_interval_counts_from_rediss_now(redis: redis_py.Redis, mail: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a Redis whose clock is an hour ahead of this host's
    monkeypatch.setattr(connection, "now", lambda client: 1_900_000_000.0)
    # When a job is pushed for a minute later
    mail.perform_in(60, "ada")
    # Then that is a minute there
    assert redis.zrange("schedule", 0, -1, withscores=True)[0][1] == 1_900_000_060.0


def test_milliseconds_are_refused_and_nothing_is_pushed(redis: redis_py.Redis, mail: Any) -> None:
    with pytest.raises(ValueError, match="milliseconds, perhaps"):
        mail.perform_at(time.time() * 1000, "ada")
    assert redis.keys() == []


# What a class cannot be


async def asynchronous(*args: Any) -> None: ...


def generator(*args: Any) -> Any:
    yield


@pytest.mark.parametrize("hook", ["retry_in", "retries_exhausted"])
@pytest.mark.parametrize("wrong", [asynchronous, generator])
def test_a_hook_that_would_not_run_is_refused(hook: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{hook} of Mail is async or a generator, and to call it runs nothing"):
        type("Mail", (Worker,), {hook: staticmethod(wrong)})


@pytest.mark.parametrize("method", worker.METHODS)
def test_an_attribute_with_the_name_of_a_method_is_refused(method: str) -> None:
    with pytest.raises(TypeError, match=rf"^{method} of Mail is a dict: the name is a method's, def {method}\(…\)\.$"):
        type("Mail", (Worker,), {method: {}})


def test_a_frozen_dataclass_may_be_a_worker(redis: redis_py.Redis, processor: Processor) -> None:
    said = []

    @dataclass(frozen=True)
    class Mail(Worker):
        def perform(self) -> None:
            said.append(self.jid)

    jid = Mail.perform_async()
    processor.process_one()
    assert said == [jid]


# The name of the wrong argument


class WithCall:
    def __call__(self, *args: Any) -> None: ...

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("perform", "name"),
    [
        (lambda self, email, *, size=1: None, "2 of"),
        (lambda self, email, size: None, r"2 \(size\) of"),
        (lambda self, *emails: None, "2 of"),
        (staticmethod(lambda email, size: None), r"2 \(size\) of"),
        (classmethod(lambda cls, email, size: None), r"2 \(size\) of"),
        (print, "2 of"),
        (dict.fromkeys, "2 of"),
        (WithCall(), "2 of"),
    ],
)
def test_the_argument_that_is_wrong_is_called_as_perform_calls_it(redis: redis_py.Redis, perform: Any, name: str) -> None:
    mail: Any = type("Mail", (Worker,), {"perform": perform})
    with pytest.raises(BadArgument, match=f"^Argument {name} Mail is a set, and JSON has no such thing"):
        mail.perform_async("ada", {1})
    assert mail.perform_async("ada", 1)


def test_middleware_changes_nothing_of_the_caller_of_an_inline_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mail(Worker):
        def perform(self, rows: list[Any]) -> None: ...

    monkeypatch.setattr(middleware, "client", middleware.Chain())
    middleware.client.add(lambda job, push: (job["args"][0][0].clear(), push())[1])
    rows = [[1, 2]]
    assert Mail.perform_inline(rows)
    assert rows == [[1, 2]]


def test_one_file_under_two_names_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mails.py").write_text(
        "from minijobs import Worker\nclass MailOfTwoNames(Worker):\n    def perform(self): ...\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "folder"), *sys.path])
    importlib.import_module("mails")
    with pytest.raises(
        ValueError, match=r"^One file was imported twice, as mails and as folder\.mails, .* by the same name"
    ):
        importlib.import_module("folder.mails")
    del sys.modules["mails"]
