"""Who may look, and what must not be done to a visitor behind his back.

- **Password.** `MINIJOBS_WEB_PASSWORD`, with the user name of `MINIJOBS_WEB_USER` ("minijobs"), is asked for by HTTP Basic.
- **Forged requests.** Another site can make a browser send a form to this one, but it can neither read nor set this one's
  cookies. So a form repeats what a cookie holds. No secret is needed for that, which several processes would have to share.
  Besides, browsers say themselves which site a request comes from.
- **Rebinding.** A stranger's host name may be made to mean 127.0.0.1, and then his page counts as this site. Bound to this
  machine alone, the dashboard answers only to the names that this machine has for itself. Mounted, that is for your
  application to decide: for Flask, its setting `TRUSTED_HOSTS`.
- **Scripts.** Templates escape whatever a job holds. If that failed, the content security policy still allows no script but
  our own file.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from urllib.parse import quote, unquote, urlsplit

import flask

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

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def protect(app: flask.Flask) -> None:
    """Guard every request of this application, and every answer."""
    user = os.environ.get("MINIJOBS_WEB_USER") or "minijobs"
    if password := os.environ.get("MINIJOBS_WEB_PASSWORD"):
        app.before_request(lambda: _know(user, password))
    app.before_request(_refuse_forged)
    app.after_request(_seal)
    app.jinja_env.globals |= {"token": token, "said": said}


def only_for_this_machine(app: flask.Flask) -> None:
    """Refuse requests under a host name that is not this machine's own for itself."""

    def refuse_strange_names() -> None:
        name = re.sub(r":\d*$", "", flask.request.host).lower()
        if name not in LOOPBACK:
            flask.abort(400, f"This dashboard is for this machine alone, and {name} is no name of it. Go to localhost.")

    app.before_request(refuse_strange_names)


def token() -> str:
    """What a form has to repeat: the visitor's cookie, a fresh one if there is none."""
    if "token" not in flask.g:
        brought = flask.request.cookies.get(TOKEN, "")
        flask.g.token = brought if re.fullmatch(r"[\w-]{43}", brought, re.ASCII) else secrets.token_urlsafe(32)
    return str(flask.g.token)


def say(sentence: str) -> None:
    """Let the next page begin with this sentence."""
    flask.g.say = sentence


def said() -> str:
    """What was said before this page, once. A page that refreshes itself has no ears for it."""
    if "X-Live" in flask.request.headers:
        return ""
    flask.g.heard = True
    return unquote(flask.request.cookies.get(SAID, ""))


def _know(user: str, password: str) -> flask.Response | None:
    given = flask.request.authorization
    name, word = (given.username or "", given.password or "") if given and given.type == "basic" else ("", "")
    # Both are compared, always: how long it takes must tell nothing.
    right = [hmac.compare_digest(a.encode(), b.encode()) for a, b in ((name, user), (word, password))]
    if all(right):
        return None
    ask = {"WWW-Authenticate": 'Basic realm="minijobs", charset="UTF-8"'}
    return flask.Response("The dashboard asks for a user name and a password.\n", 401, ask, mimetype="text/plain")


def _refuse_forged() -> None:
    request = flask.request
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    foreign = site != "same-origin" if site else origin is not None and urlsplit(origin).netloc != request.host
    mine, repeated = request.cookies.get(TOKEN, ""), request.form.get("token", "")
    if foreign or not mine or not hmac.compare_digest(mine.encode(), repeated.encode()):
        flask.abort(
            403,
            "Nothing was done: this did not come from a page of this dashboard, or the page was too old. "
            "Go back, reload the page, and try again.",
        )


def _seal(response: flask.Response) -> flask.Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"  # with no-referrer, browsers would hide their Origin from us, too
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
