"""A port, a server for a Flask application, and who may ask it: pages of this machine, and no other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, render_template, request
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server

HOST = "127.0.0.1"
NAMES = ["localhost", HOST]
MOST_BODY = 64_000  # bytes of a form

# Nothing but our own files, no script and no style in a page, and nobody may put our pages into a frame of theirs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


class Site:
    """A WSGI application that is served at a port of this machine: at `wanted` if nobody else is there.

    Each request has a thread of its own: a page that is open holds one for as long as it is open.
    """

    def __init__(self, name: str, application: Any, wanted: int) -> None:
        self.name = name
        listening = listen(wanted)
        self.port: int = listening.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self._server = make_server(
            HOST, self.port, application, threaded=True, request_handler=_Quiet, fd=listening.fileno()
        )
        listening.close()  # the server has it now
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name=name, daemon=True)
        self._thread.start()

    def died(self) -> str | None:
        """Why it ended, or None."""
        return None if self._thread.is_alive() else f"{self.name} at {self.url} ended by itself."

    def stop(self) -> None:
        """Answer nobody any more; the port is free."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def listen(wanted: int) -> socket.socket:
    """A socket that listens at this port of this machine, or at a free one."""
    try:
        return socket.create_server((HOST, wanted if free(wanted) else 0))
    except OSError:  # taken by somebody who also saw that it was free
        return socket.create_server((HOST, 0))


def free(port: int) -> bool:
    """Whether we can have this port, and nobody answers there on the other localhost: a browser may look at ::1 first."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            return probe.connect_ex(("::1", port)) != 0
    except OSError:  # no IPv6 here
        return True


def guard(app: Flask, links: Callable[[], dict[str, str]]) -> None:
    """Only pages of this machine are answered, and only our own may change anything.

    What is wrong is said on a page that leads back: `links` has the addresses, by the words to show.
    """
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY
    app.config["TRUSTED_HOSTS"] = NAMES  # else a page of elsewhere whose name leads here could read everything

    @app.before_request
    def no_nonsense() -> None:
        try:
            request.query_string.decode()  # what is no ASCII should be escaped, and Flask relies on it
        except UnicodeDecodeError:
            abort(400, "The address holds bytes that are no text.")

    @app.before_request
    def ours_only() -> None:
        if request.method in ("GET", "HEAD"):
            return
        origin = request.headers.get("Origin")
        if origin is not None and _host_of(origin) != request.host:
            abort(403, "This was sent by a page of elsewhere.")

    @app.errorhandler(HTTPException)
    def wrong(error: HTTPException) -> Any:
        if isinstance(request.routing_exception, BadRequest):  # of a strange host name: no address can be made for it
            return error
        page = render_template("wrong.html", title=error.name, sentence=error.description, links=links())
        return page, error.code or 500

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # it is no address
        return None


class _Quiet(WSGIRequestHandler):
    """Prints no line for each request: the page shows them."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass
