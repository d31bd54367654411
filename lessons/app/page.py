"""The page: the seed's form, its two ways to send a mail, and beside it what did and did not occur."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable
from email.headerregistry import Address
from typing import Any, NamedTuple

from flask import Flask, Response, redirect, render_template, request, url_for

from lessons.kit import stage
from lessons.kit.mail import SLOW

from .attempts import Attempt, Attempts
from .live import PANES, Live
from .mail import Catcher
from .serving import guard
from .workers import SendGifToUserWorker

LONGEST_THOUGHT = 500
LONGEST_EMAIL = 254
DASHBOARD = "/jobs/"
REFUSED = 2  # times that the mail server refuses a mail with the third button

# Where things are said, for whoever has no eyes on the picture.
PANE_NAMES = {"web": "The web request", "redis": "Sent to Redis", "worker": "The worker process", "inbox": "The inbox"}


class Around(NamedTuple):
    """What the page needs to know of the rest."""

    inbox_url: str
    kill_in_the_middle: Callable[[str], object]
    heartbeat_lasts: float


def create(live: Live, catcher: Catcher, around: Around) -> Flask:
    """The application."""
    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    guard(app, lambda: {"The page": url_for("index"), "Dashboard": DASHBOARD, "Inbox": around.inbox_url})
    attempts = Attempts(live)

    def page(status: int = 200, **more: Any) -> tuple[str, int]:
        panes = {pane: live.pane(pane) for pane in PANES}
        known = {"email": "", "thought": "", "wrong": "", "said": None, "PANE_NAMES": PANE_NAMES, "panes": panes}
        return render_template("page.html", **(known | common() | more)), status

    def common() -> dict[str, Any]:
        return {
            "both": attempts.side_by_side(),
            "kept": catcher.find,
            "now": time.time(),
            "run": live.run,
            "last": live.last,
            "around": around,
            "slow": SLOW,
            "hurried": stage.pause(SLOW) != SLOW,
        }

    @app.get("/")
    def index() -> Any:
        return page(said=attempts.find(request.args.get("said", type=int)))

    @app.post("/mails")
    def create_mail() -> Any:
        way, story = request.form.get("way", ""), request.form.get("story", "plain")
        email, thought = request.form.get("email", "").strip(), one_line(request.form.get("thought", ""))
        wrong = problem(email, thought)
        if wrong or (way, story) not in CALLS:
            wrong = wrong or "There is no such button."
            if wants_json():
                return {"wrong": wrong}, 422
            return page(422, wrong=wrong, email=request.form.get("email", ""), thought=request.form.get("thought", ""))
        for call in CALLS[(way, story)]:
            attempt = call(story, email, thought)
        if wants_json():
            return {"answer": attempt.answer, "jid": attempt.jid, "number": attempt.number}, attempt.status
        if attempt.failed:
            return render_template("error.html", attempt=attempt, **common()), attempt.status
        return redirect(url_for("index", said=attempt.number, _anchor="both"), 303)

    def call_perform(story: str, email: str, thought: str) -> Attempt:
        attempt = attempts.begin("perform", story, email, thought)
        began = live.publish("web", f"POST /mails — perform({thought!r})", kind="request")
        catcher.refuse_mail(None, REFUSED if story == "refused" else 0)
        try:
            SendGifToUserWorker().perform(email, thought)
        except Exception as error:  # nobody else will hear of it, and nobody will try again
            attempt.end(500, f"{type(error).__name__}: {error}")
        else:
            attempt.end(200, flash(email))
        catcher.refuse_mail(None, 0)
        say_answer(attempt, began.number if began else 0)
        seen = attempts.seen(attempt)
        for pane, nothing in (("redis", "not a single command of this call"), ("worker", "nothing of this call")):
            if not getattr(seen, pane):
                live.publish(pane, f"{nothing} (perform, {attempt.waited:.1f} s)", kind="still")
        return attempt

    def call_perform_async(story: str, email: str, thought: str) -> Attempt:
        attempt = attempts.begin("perform_async", story, email, thought)
        began = live.publish("web", f"POST /mails — perform_async({thought!r})", kind="request")
        try:
            jid = SendGifToUserWorker.perform_async(email, thought) or ""
        except Exception as error:
            attempt.end(500, f"{type(error).__name__}: {error}")
        else:
            if story == "refused":
                catcher.refuse_mail(jid, REFUSED)
            attempt.end(200, flash(email), jid)
            if story == "killed":
                around.kill_in_the_middle(jid)
        say_answer(attempt, began.number if began else 0)
        return attempt

    def say_answer(attempt: Attempt, begun: int) -> None:
        status = "200 OK" if not attempt.failed else "500 Internal Server Error"
        live.publish("web", f"{status} after {attempt.waited:.3f} s: {attempt.answer}", request=begun)

    # The third button does both. Without JavaScript that is one request: pushed first, since what is called will fail.
    CALLS: dict[tuple[str, str], list[Callable[[str, str, str], Attempt]]] = {
        ("perform", "plain"): [call_perform],
        ("perform_async", "plain"): [call_perform_async],
        ("perform", "refused"): [call_perform],
        ("perform_async", "refused"): [call_perform_async],
        ("both", "refused"): [call_perform_async, call_perform],
        ("perform_async", "killed"): [call_perform_async],
    }

    @app.get("/mails/<int:number>/picture")
    def picture(number: int) -> Any:
        mail = catcher.find(number)
        gif = mail.picture() if mail else None
        return Response(gif, mimetype="image/gif") if gif else ("There is no such picture.", 404)

    @app.get("/events")
    def events() -> Any:
        """What happened since an event. The answer never waits: a browser has six connections for all tabs of a site, and
        six tabs that each hold one would leave none for a click."""
        run, _, number = request.args.get("after", "").partition("-")
        if run != live.run or not re.fullmatch("[0-9]{1,15}", number):
            return {"restarted": True}
        batch = live.since(int(number), 0)
        lines = [
            {
                "number": event.number,
                "pane": event.pane,
                "replaces": event.replaces,
                "request": event.request,
                "html": render_template("_line.html", event=event),
            }
            for event in batch
        ]
        moved = any(event.kind != "chatter" or event.jid for event in batch)
        both = render_template("_both.html", **common()) if moved else ""
        return {"now": time.time(), "last": batch[-1].number if batch else int(number), "lines": lines, "both": both}

    return app


def flash(email: str) -> str:
    """The seed's words. They are true after `perform`; after `perform_async` nothing has been sent yet."""
    return f"You did it! Email sent to {email}"


def one_line(thought: str) -> str:
    """A thought as it can stand in a subject: no control characters, no line breaks."""
    return " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in thought).split())


def problem(email: str, thought: str) -> str:
    """What is wrong with what was typed, in one sentence; nothing if nothing is.

    >>> problem("ada@example.com", "hello"), problem("ada", "hello")
    ('', 'This is no e-mail address: ada')
    """
    if not email:
        return "Type an e-mail address; nothing leaves this machine, so any will do."
    if (
        len(email) > LONGEST_EMAIL
        or not re.fullmatch(r"[^@\s,;:<>()\[\]\"\\]+@[^@\s,;:<>()\[\]\"\\]+", email)
        or not _address(email)
    ):
        return f"This is no e-mail address: {email[:80]}"
    if not thought:
        return "Type a thought; it can be a short one."
    if len(thought) > LONGEST_THOUGHT:
        return f"This thought has {len(thought)} characters; {LONGEST_THOUGHT} is the most."
    return ""


def wants_json() -> bool:
    """Whether it is our script that asks, not a form."""
    return request.accept_mimetypes.best == "application/json"


def _address(email: str) -> bool:
    try:
        return Address(addr_spec=email).addr_spec == email and email.isascii()
    except Exception:  # what it raises for a strange one is not said anywhere
        return False
