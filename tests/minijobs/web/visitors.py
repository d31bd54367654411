"""Jobs to look at, and somebody who looks at them."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any

import redis as redis_py
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

    def press(self, page: str, to: str | None = None, **form: Any) -> str:
        """Press a button of this page; what the next page says about it."""
        token = re.search(r'name="token" value="([^"]+)"', self.get(page).text)
        assert token, page
        answer = self.client.post(to or page, data={"token": token[1], **form})
        assert answer.status_code == 303, answer.text
        return said(self.get(answer.location))


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
