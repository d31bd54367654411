"""Who may use the dashboard, and how its visitors are protected from attacks through their browsers.

- **Password.** HTTP Basic asks for the password in `MINIJOBS_WEB_PASSWORD`, with the user name in `MINIJOBS_WEB_USER`, by
  default "minijobs".
- **Forged requests.** Another site can make a browser send a form to this one, but it can neither read nor set this site's
  cookies. So each form has to repeat the value of a cookie. This needs no secret that several processes would have to share.
  In addition, browsers themselves report which site a request comes from.
- **Rebinding.** An attacker can make a host name resolve to 127.0.0.1, and then the attacker's page counts as this site. If
  it is bound to this machine alone, the dashboard therefore answers only to the local names of this machine. If it is
  mounted, your application must check host names: in Flask, with the setting `TRUSTED_HOSTS`.
- **Scripts.** Templates escape everything that a job holds. Should that fail, the content security policy still allows no
  script except our own file.
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
    """Add the checks to every request of this application, and the security headers to every response."""
    user = os.environ.get("MINIJOBS_WEB_USER") or "minijobs"
    if password := os.environ.get("MINIJOBS_WEB_PASSWORD"):
        app.before_request(lambda: _know(user, password))
    app.before_request(_refuse_forged)
    app.after_request(_seal)
    app.jinja_env.globals |= {"token": token, "said": said}


def only_for_this_machine(app: flask.Flask) -> None:
    """Refuse requests for any host name other than localhost, 127.0.0.1 and [::1]."""

    def refuse_strange_names() -> None:
        name = re.sub(r":\d*$", "", flask.request.host).lower()
        if name not in LOOPBACK:
            flask.abort(400, f"This dashboard is for this machine alone, and {name} is no name of it. Go to localhost.")

    app.before_request(refuse_strange_names)


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


def _know(user: str, password: str) -> flask.Response | None:
    given = flask.request.authorization
    name, word = (given.username or "", given.password or "") if given and given.type == "basic" else ("", "")
    # Always compare both, so that the time taken reveals nothing.
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
