"""The inbox: the mails that were caught, on a page of their own. A mail may hold anything, so it is shown in a cage.

Its HTML is a document of its own in a frame that may do nothing: no script, no form, no link that leads out, no file from
anywhere. The pictures that it carries are put into it.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Flask, Response, abort, redirect, render_template, request, url_for

from .mail import Catcher, Caught
from .serving import guard

CAGE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; sandbox"


LARGEST_PAGE = 5_000_000  # characters of pictures in a mail: it may show the same one ten thousand times


def create(catcher: Catcher, links: Callable[[], dict[str, str]] = dict) -> Flask:
    """The application. `links` has the addresses that lead back, by the words to show."""
    app = Flask(__name__, static_folder="static", template_folder="templates")
    guard(app, lambda: {"Inbox": url_for("index"), **links()})

    def listed(selected: int | None) -> dict[str, Any]:
        return {"mails": list(reversed(catcher.caught)), "selected": selected, "time": clock, "utc": utc, "links": links()}

    def mail_or_404(number: int) -> Caught:
        return catcher.find(number) or abort(404, "There is no such mail, or not any more.")

    @app.get("/")
    def index() -> Any:
        newest = catcher.caught[-1].number if catcher.caught else None
        return show(newest) if newest else render_template("inbox.html", mail=None, **listed(None))

    @app.get("/mails/<int:number>")
    def show(number: int) -> Any:
        mail = mail_or_404(number)
        plain = mail.mail.get_body(("plain",))
        return render_template(
            "inbox.html", mail=mail, html=html_of(mail) is not None, plain=text(plain) if plain else "", **listed(number)
        )

    @app.get("/list")
    def mails() -> str:
        return render_template("_mails.html", **listed(request.args.get("selected", type=int)))

    @app.get("/mails/<int:number>/html")
    def html(number: int) -> Response:
        response = Response(html_of(mail_or_404(number)) or "", mimetype="text/html")
        response.headers["Content-Security-Policy"] = CAGE
        return response

    @app.get("/mails/<int:number>/source")
    def source(number: int) -> Response:
        return Response(mail_or_404(number).source, mimetype="text/plain")

    @app.post("/mails/<int:number>/delete")
    def delete(number: int) -> Any:
        if "sure" not in request.form:
            mail = mail_or_404(number)
            return render_template("sure.html", count=1, subject=mail.subject, back=url_for("show", number=number))
        catcher.delete({number})
        return redirect(url_for("index"), 303)

    @app.post("/mails/delete")
    def delete_all() -> Any:
        count = len(catcher.caught)
        if "sure" not in request.form and count:
            newest = catcher.caught[-1].number
            return render_template("sure.html", count=count, newest=newest, back=url_for("index"))
        newest = request.form.get("newest", 0, type=int)  # what came after the question was not asked about
        catcher.delete({mail.number for mail in catcher.caught if mail.number <= newest})
        return redirect(url_for("index"), 303)

    return app


def html_of(mail: Caught) -> str | None:
    """The mail's HTML, with the pictures that it carries in it; None if it has none."""
    body = mail.mail.get_body(("html",))
    if body is None:
        return None
    room = LARGEST_PAGE
    pictures = {
        str(part["Content-ID"]).strip("<> "): part
        for part in mail.mail.walk()
        if part.get_content_maintype() == "image" and part["Content-ID"]
    }

    @cache
    def encoded(name: str) -> str:
        return base64.b64encode(bytes(pictures[name].get_payload(decode=True) or b"")).decode()

    def inside(match: re.Match[str]) -> str:
        name = match[1]
        if name not in pictures:
            return match[0]
        nonlocal room
        room -= len(encoded(name))
        return f"data:{pictures[name].get_content_type()};base64,{encoded(name)}" if room > 0 else match[0]

    return re.sub(r"cid:([^\s\"'<>]+)", inside, text(body))


def text(part: Any) -> str:
    """A part's text, whatever it says of its own encoding."""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError, ValueError, KeyError):
        return bytes(part.get_payload(decode=True) or b"").decode(errors="replace")


def clock(moment: float) -> str:
    """A moment, in epoch seconds, as the time of the day."""
    return time.strftime("%H:%M:%S", time.localtime(moment))


def utc(moment: float) -> str:
    """The same in UTC, with its date."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))
