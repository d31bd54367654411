"""The dashboard as a WSGI application: the pages and their buttons, and the protection in front of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import flask
from redis import RedisError
from werkzeug.exceptions import HTTPException

from .. import connection
from . import actions, drawing, pages, reading, security, words

if TYPE_CHECKING:
    from ..connection import Redis


def dashboard(redis: Redis | None = None) -> flask.Flask:
    """A WSGI application that shows this Redis or, without one, the current Redis of `minijobs.connect` at each request.

    It works wherever it is mounted. Sidekiq: `Sidekiq::Web`.

    >>> import fakeredis
    >>> visitor = dashboard(fakeredis.FakeRedis()).test_client()
    >>> visitor.get("/").status
    '200 OK'
    """
    app = flask.Flask("minijobs.web")
    app.config["MINIJOBS_REDIS"] = redis
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= words.FILTERS
    security.protect(app)
    app.register_blueprint(pages.pages)
    app.register_blueprint(actions.actions)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(RedisError, _no_redis)

    app.jinja_env.globals |= {"shelves": reading.SHELVES, "bars": drawing.bars, "key": reading.key, "asked": pages.asked}
    return app


def _refused(error: HTTPException) -> flask.typing.ResponseReturnValue:
    if error.response is not None:  # a redirect, or another response that is already complete
        return error.response
    body = flask.render_template("error.html", title=error.name, sentence=error.description)
    headers = [(name, value) for name, value in error.get_headers() if name in ("WWW-Authenticate", "Allow")]
    return words.as_bytes(body), error.code or HTTPStatus.INTERNAL_SERVER_ERROR, headers


def _no_redis(error: RedisError) -> flask.typing.ResponseReturnValue:
    where = connection.address(reading.client())
    sentence = f"Redis at {where} does not answer as it should: {error}"
    return words.as_bytes(flask.render_template("error.html", title="No Redis", sentence=sentence)), 503
