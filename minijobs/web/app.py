"""The dashboard as a WSGI application: the pages and their buttons, and the protection in front of them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import flask
from redis import RedisError, ResponseError
from werkzeug.exceptions import HTTPException

from .. import connection
from ..console import plain
from . import actions, drawing, entries, finding, health, pages, reading, searching, security, words

if TYPE_CHECKING:
    from ..connection import Redis


def dashboard(redis: Redis | None = None, *, hosts: Sequence[str] | None = None, read_only: bool = False) -> flask.Flask:
    """A WSGI application that shows this Redis or, without one, the current Redis of `minijobs.connect` at each request.

    It works wherever it is mounted. `hosts` are the host names that it answers to, besides the local names of this machine:
    see `security`. With `read_only` it has no buttons, and refuses every change. Sidekiq: `Sidekiq::Web`.

    >>> import fakeredis
    >>> visitor = dashboard(fakeredis.FakeRedis()).test_client()
    >>> visitor.get("/").status
    '200 OK'
    """
    app = flask.Flask("minijobs.web")
    app.config["MINIJOBS_REDIS"] = redis
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= words.FILTERS
    app.jinja_env.filters["from_now"] = lambda moment: words.from_now(moment, reading.now())
    app.jinja_env.filters["due"] = lambda moment: words.due(moment, reading.now())
    app.jinja_env.filters["since"] = lambda moment: words.duration(reading.now() - moment)
    security.protect(app, hosts, read_only=read_only)
    app.register_blueprint(pages.pages)
    app.register_blueprint(finding.finding)
    app.register_blueprint(actions.actions)
    app.register_blueprint(health.health)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(ResponseError, _bad_key)
    app.register_error_handler(RedisError, _no_redis)
    app.register_error_handler(reading.NoAddress, _no_address)

    app.jinja_env.globals["with"] = lambda words, field, value: {**words, field: value}
    app.jinja_env.globals["without"] = lambda words, field: {name: word for name, word in words.items() if name != field}
    app.jinja_env.globals["chips_of"] = searching.chips
    app.jinja_env.globals["beat_late"] = reading.BEAT_LATE
    app.jinja_env.globals |= {"shelves": reading.SHELVES, "bars": drawing.bars, "per_page": entries.PER_PAGE}
    return app


def _refused(error: HTTPException) -> flask.typing.ResponseReturnValue:
    if error.response is not None:  # a redirect, or another response that is already complete
        return error.response
    headers = [(name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")]
    body, status, more = _page(error.name, error.description or "", error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    return body, status, [*headers, *more]


def _bad_key(error: ResponseError) -> flask.typing.ResponseReturnValue:
    if connection.kind_of(error) != "entry":
        return _no_redis(error)
    return _page("Another type", f"A key in Redis does not hold what it should, so it cannot be shown here: {error}", 409)


def _no_redis(error: RedisError) -> flask.typing.ResponseReturnValue:
    where = connection.address(reading.client())
    return _page("No Redis", f"Redis at {where} does not answer as it should: {error}", 503)


def _no_address(error: reading.NoAddress) -> flask.typing.ResponseReturnValue:
    return _page("No Redis", str(error), 503)


def _page(title: str, sentence: str, status: int) -> tuple[bytes, int, list[tuple[str, str]]]:
    """An error in the frame of the pages, or as text for a request that was not admitted.

    Where there is no Redis now, the page looks again by itself.
    """
    again = status == 503 and flask.request.method == "GET"
    if "admitted" not in flask.g:
        return words.as_bytes(f"{title}: {plain(sentence)}\n"), status, [("Content-Type", "text/plain; charset=utf-8")]
    body = flask.render_template("error.html", title=title, sentence=sentence, again=again)
    return words.as_bytes(body), status, []
