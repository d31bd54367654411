"""Jobs to look at, and somebody who looks at them."""

from __future__ import annotations

import html
import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

import redis as redis_py
from processes import GREETINGS, SOON
from werkzeug.test import TestResponse

from minijobs.web import dashboard


def a_job(number: int = 1, **fields: Any) -> str:
    """A job as it is in Redis."""
    job = {"class": "SendGif", "args": [f"ada{number}@example.com"], "jid": f"{number:024d}", "queue": "mail"}
    return json.dumps(job | {"retry": True, "created_at": 1795450392.5, "enqueued_at": 1795450392.5} | fields)


def failed(number: int = 1, **fields: Any) -> str:
    """A job that has failed twice."""
    error = {"retry_count": 1, "error_class": "OSError", "error_message": f"no route to host {number}"}
    return a_job(number, **(error | fields))


def numbers(entries: list[bytes]) -> list[int]:
    """The numbers of these jobs."""
    return [int(json.loads(entry)["jid"]) for entry in entries]


def ask(url: str, **headers: str) -> tuple[int, str]:
    """The status and the text that a server answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=SOON) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Visitor:
    """Somebody with a browser, as far as that is a thing that keeps cookies and follows redirects."""

    app = dashboard()  # for all of them: its templates are compiled once

    def __init__(self) -> None:
        self.client = self.app.test_client()

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, buffered=True, **more)

    def links(self, path: str, pattern: str = "") -> list[str]:
        """Where this page's links lead."""
        found = re.findall(r'href="([^"#][^"]*)"', self.get(path).text)
        return [html.unescape(link) for link in found if re.search(pattern, html.unescape(link))]

    def keys(self, path: str) -> list[str]:
        """What the checkboxes of this page stand for."""
        return re.findall(r'name="key" value="([^"]+)"', self.get(path).text)

    def token(self, page: str = "/retries/all/delete") -> str:
        """What the forms of this page repeat."""
        token = re.search(r'name="token" value="([^"]+)"', self.get(page).text)
        assert token, page
        return token[1]

    def press(self, page: str, to: str | None = None, **form: Any) -> str:
        """Press a button of this page, and say yes if it asks; what the next page says about it."""
        answer = self.client.post(to or page, data={"token": self.token(page), **form})
        while answer.status_code == 200:  # it asks
            answer = self.yes(answer, to or page)
        assert answer.status_code == 303, answer.text
        return said(self.get(answer.location))

    def yes(self, question: TestResponse, asked: str) -> TestResponse:
        """Say yes to a question that came as the answer to a POST to `asked`: to its form, with all that is in it."""
        assert re.search(r'<section class="card ask"', question.text), question.text
        [to] = re.findall(r'<form class="buttons" method="post" action="([^"]+)"', question.text)
        fields: dict[str, list[str]] = {}
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', question.text):
            fields.setdefault(name, []).append(html.unescape(value))
        return self.client.post(html.unescape(to), data=fields)


def said(page: TestResponse) -> str:
    """What a page says at its top."""
    assert page.status_code == 200
    [sentence] = re.findall(r'role="status" id="said">(.*?)</div>', page.text, re.DOTALL)
    return re.sub("<[^>]+>", "", sentence).strip()


def three_of_each(redis: redis_py.Redis) -> None:
    """Three jobs that failed, three for later, three dead, three in the queue `mail`."""
    now = time.time()
    for number in (1, 2, 3):
        redis.zadd("retry", {failed(number): now + 600 * number})
        redis.zadd("schedule", {a_job(number): now + 600 * number})
        redis.zadd("dead", {failed(number, retry_count=25): now - 600 * number})
        redis.lpush("queue:mail", a_job(number))
    redis.sadd("queues", "mail")


class Counted(redis_py.Redis):
    """Another client of the same Redis, which keeps what it is told to send."""

    def __init__(self, redis: redis_py.Redis) -> None:
        pool, sent = redis.connection_pool, []

        class Counting(pool.connection_class):  # type: ignore[name-defined,misc]
            def send_command(self, *words: Any, **more: Any) -> None:
                sent.append(words[0])
                super().send_command(*words, **more)

            def pack_commands(self, commands: Any) -> Any:
                commands = list(commands)
                sent.extend(words[0] for words in commands)
                return super().pack_commands(commands)

        super().__init__(connection_pool=redis_py.ConnectionPool(connection_class=Counting, **pool.connection_kwargs))
        self.sent: list[str] = sent

    def commands(self) -> list[str]:
        """What was sent since the last question."""
        commands = [str(word) for word in self.sent if str(word).upper() not in GREETINGS]
        self.sent.clear()
        return commands


class Asker(Visitor):
    """A visitor of the dashboard of a Redis, the only one at a time, who counts what that Redis is told."""

    app = dashboard()

    def __init__(self, redis: redis_py.Redis) -> None:
        super().__init__()
        self.redis = self.app.config["MINIJOBS_REDIS"] = Counted(redis)

    def cost(self, path: str, method: str = "GET", **more: Any) -> tuple[int, int]:
        """The status of the answer, and how many commands it took."""
        self.redis.commands()
        answer = self.client.open(path, method=method, buffered=True, **more)
        return answer.status_code, len(self.redis.commands())
