"""Who may use the dashboard, and how its visitors are protected from attacks through their browsers.

- **Password.** HTTP Basic asks for the password in `MINIJOBS_WEB_PASSWORD`, with the user name in `MINIJOBS_WEB_USER`, by
  default "minijobs".
- **Forged requests.** Another site can make a browser send a form to this one, but it can neither read nor set this site's
  cookies. So each form has to repeat the value of a cookie. This needs no secret that several processes would have to share.
  In addition, browsers themselves report which site a request comes from.
- **Guessing.** Wrong passwords are logged. After a few from one address, it has to wait longer and longer before the next
  one is even looked at; a browser that had the right one before does not.
- **Rebinding.** An attacker can make a host name resolve to 127.0.0.1, and then the attacker's page counts as this site. So
  without a password the dashboard answers only to the local names of this machine, wherever it is mounted, and to the names
  that it is given: `dashboard(hosts=["jobs.example.com"])`, or `minijobs web --allow-host jobs.example.com`. With "*" it
  answers to any name, for an application that checks them itself. Flask's setting `TRUSTED_HOSTS` is respected, too.
- **Floods.** No request may send more than MOST_BODY bytes.
- **Changes.** A read-only dashboard refuses every request that could change anything, and the questions that lead to one.
- **Scripts.** Templates escape everything that a job holds. Should that fail, the content security policy still allows no
  script except our own file.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
import re
import secrets
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit

import flask
from werkzeug.exceptions import BadRequest

from .throttle import Throttle

MOST_BODY = 1_000_000
SHORTEST_PASSWORD = 12  # characters below which a password is said to be weak
FEWEST_SIGNS = 5  # different characters below which it is, too
MOST_KNOWN = 1_000  # browsers that are remembered to have had the right password

READING = ("GET", "HEAD", "OPTIONS")
QUESTIONS = {"pages.ask_all", "pages.ask_queue", "pages.ask_processes"}  # they only lead to a change

TOKEN = "minijobs_csrf"
SAID = "minijobs_said"

POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")),
        "form-action 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
    )
)

logger = logging.getLogger("minijobs")


def protect(app: flask.Flask, hosts: Sequence[str] | None = None, *, read_only: bool = False) -> None:
    """Add the checks to every request of this application, and the security headers to every response.

    `hosts` are the host names to answer to, besides the local names of this machine; "*" stands for any. By default they are
    none without a password, and any with one. `read_only` refuses every change.
    """
    user = os.environ.get("MINIJOBS_WEB_USER") or "minijobs"
    password = os.environ.get("MINIJOBS_WEB_PASSWORD")
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MOST_BODY
    names = ("*",) if hosts is None and password else [host.lower() for host in hosts or ()]
    app.before_request(_refuse_nonsense)
    app.before_request(lambda: _refuse_strange_names(names))
    if password:
        if reason := weakness(password):
            logger.warning("MINIJOBS_WEB_PASSWORD is weak: %s. Python makes a good one: secrets.token_urlsafe(16)", reason)
        app.before_request(Doorkeeper(user, password).admit)
    app.before_request(_admitted)
    if read_only:
        app.before_request(_refuse_changes)
    app.before_request(_refuse_forged)
    app.after_request(_seal)
    app.jinja_env.globals |= {"token": token, "said": said, "read_only": read_only}


def weakness(password: str) -> str | None:
    """Why a password is weak, in words, or None.

    >>> weakness("sesame"), weakness("abababababababab"), weakness("Jzq3oPXk0cE2w7uV")
    ('it has fewer than 12 characters', 'it has only 2 different characters', None)
    """
    if len(password) < SHORTEST_PASSWORD:
        return f"it has fewer than {SHORTEST_PASSWORD} characters"
    signs = len(set(password))
    return f"it has only {signs} different characters" if signs < FEWEST_SIGNS else None


def is_local(name: str) -> bool:
    """Whether a host name, without its port, is one of this machine alone.

    >>> [name for name in ("localhost", "127.0.0.2", "[::1]", "10.0.0.1", "evil.example") if is_local(name)]
    ['localhost', '127.0.0.2', '[::1]']
    """
    try:
        return name in ("localhost", "localhost.") or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _refuse_nonsense() -> None:
    try:
        flask.request.query_string.decode()  # what is no ASCII should be escaped, and Flask relies on it
    except UnicodeDecodeError:
        flask.abort(400, "The address holds bytes that are no text.")


def _refuse_strange_names(names: Sequence[str]) -> None:
    if "*" in names or flask.current_app.config["TRUSTED_HOSTS"]:  # Flask itself checks the latter
        return
    name = re.sub(r":\d*$", "", flask.request.host).lower()
    if not is_local(name) and name not in names:
        flask.abort(
            400,
            f"This dashboard does not answer to the host name {name[:100]}. Go to localhost, or allow the name: "
            "minijobs web --allow-host NAME, or dashboard(hosts=[NAME]).",
        )


class Doorkeeper:
    """Asks for the user name and the password, and makes those wait that guess."""

    def __init__(self, user: str, password: str) -> None:
        self.user, self.password = user, password
        self.throttle = Throttle()
        self._known: dict[str, None] = {}

    def admit(self) -> flask.Response | None:
        """None if the request has the password, else the response that asks for it, or for patience."""
        given = flask.request.authorization
        if given is None or given.type != "basic":
            return self._answer(401, "The dashboard asks for a user name and a password.")
        address = flask.request.remote_addr or "(no address)"
        wait = 0.0 if flask.request.cookies.get(TOKEN) in self._known else self.throttle.wait(address)
        if wait > 0:
            answer = self._answer(429, f"Too many wrong passwords came from {address}. Wait {wait:.0f} seconds.")
            answer.headers["Retry-After"] = f"{wait:.0f}"
            return answer
        # Always compare both, so that the time taken reveals nothing.
        user, password = _same(given.username or "", self.user), _same(given.password or "", self.password)
        if not (user and password):
            count, wait = self.throttle.failed(address)
            logger.warning(
                "wrong password for the dashboard from %s, %d in a row; the next is looked at in %.0f s",
                address,
                count,
                wait,
            )
            return self._answer(401, "This user name or password is wrong.")
        self.throttle.forget(address)
        while len(self._known) >= MOST_KNOWN:
            self._known.pop(next(iter(self._known)), None)
        self._known[token()] = None
        return None

    @staticmethod
    def _answer(status: int, sentence: str) -> flask.Response:
        ask = {"WWW-Authenticate": 'Basic realm="minijobs", charset="UTF-8"'} if status == 401 else {}
        return flask.Response(f"{sentence}\n", status, ask, mimetype="text/plain")


def _admitted() -> None:
    if not isinstance(flask.request.routing_exception, BadRequest):  # the host name is none, or Flask does not trust it
        flask.g.admitted = True


def token() -> str:
    """The token that a form has to repeat: the visitor's cookie, or a new one if there is no valid one."""
    if "token" not in flask.g:
        brought = flask.request.cookies.get(TOKEN, "")
        flask.g.token = brought if re.fullmatch(r"[\w-]{43}", brought, re.ASCII) else secrets.token_urlsafe(32)
    return str(flask.g.token)


def say(sentence: str) -> None:
    """Show this sentence at the top of the next page."""
    flask.g.say = sentence


def said() -> str:
    """The sentence to show on this page, once. A request by which a page refreshes itself does not use it up."""
    if "X-Live" in flask.request.headers:
        return ""
    flask.g.heard = True
    return unquote(flask.request.cookies.get(SAID, ""))


def _refuse_changes() -> None:
    if flask.request.method not in READING or flask.request.endpoint in QUESTIONS:
        flask.abort(403, "Nothing was done: this dashboard is read-only.")


def _refuse_forged() -> None:
    request = flask.request
    if request.method in READING:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    foreign = site != "same-origin" if site else origin is not None and _host_of(origin) != request.host
    mine, repeated = request.cookies.get(TOKEN, ""), request.form.get("token", "")
    if foreign or not mine or not _same(mine, repeated):
        flask.abort(
            403,
            "Nothing was done: this did not come from a page of this dashboard, or the page was too old. "
            "Go back, reload the page, and try again.",
        )


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # it is no address
        return None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))


def _seal(response: flask.Response) -> flask.Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"  # with no-referrer, browsers would not send us their Origin either
    if flask.request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    path, secure = flask.request.script_root or "/", flask.request.is_secure
    if "token" in flask.g:
        response.set_cookie(TOKEN, flask.g.token, path=path, secure=secure, httponly=True, samesite="Strict")
    if "say" in flask.g:
        response.set_cookie(SAID, quote(flask.g.say), 60, path=path, secure=secure, httponly=True, samesite="Strict")
    elif "heard" in flask.g and SAID in flask.request.cookies:
        response.delete_cookie(SAID, path=path, secure=secure, httponly=True, samesite="Strict")
    return response
