"""Where the panes have it from: MONITOR, and the lines that the worker process prints."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

from minijobs import RedisUnavailable, monitor
from minijobs.monitor import Told

from .live import Live

# What the seed saw with its grep -E "(hset|lpush)": pushes, and who works on what. Today those words stand in two more
# commands, which come all the time: the heartbeat, and an idle worker's BRPOPLPUSH. The seed's Sidekiq had others there.
FILTER = r"^(lpush|hset \S+:work) "

LONGEST_LINE = 600  # characters of a line in a pane
MOST_LINES = 100  # of a job that is unfolded
LAST_MOMENT = 1e11  # epoch seconds, in the year 5138

LOG_LINE = re.compile(r"^\S+Z (?P<line>\d+ TID-\S+ (?:\S+ JID-(?P<jid>\S+) )?[A-Z]+: (?P<message>.*))", re.DOTALL)
STEPS = {"start": "began", "done": "done", "fail": "failed"}


def watch_redis(redis: Any, live: Live, watching: threading.Event, stop: threading.Event) -> None:
    """Publish what is sent to this Redis, in our database, until we stop. `watching` is set as soon as we see something."""
    database = str(redis.get_connection_kwargs().get("db") or 0)
    away = False
    while not stop.is_set():
        try:
            for told in monitor.watch(redis):
                watching.set()
                away = False
                if told.client.split(" ")[0] == database:
                    publish_safely(told, live)
                if stop.is_set():
                    return
        except RedisUnavailable:
            if not away and not stop.is_set():
                live.publish("redis", "Redis does not answer. Looking again …")
            away = True
            stop.wait(0.5)
        except RuntimeError as error:  # it has no MONITOR, or not for us
            watching.set()
            live.publish("redis", str(error))
            return
        except Exception as error:  # a line that cannot be read: the next ones can
            live.publish("redis", f"(a command that cannot be read: {type(error).__name__})", kind="chatter")
            stop.wait(0.5)


def publish_safely(told: Told, live: Live) -> None:
    """One command, whatever anybody sent to Redis: nothing that it holds may end the watching."""
    try:
        publish_told(told, live)
    except Exception as error:
        live.publish("redis", f"(a command that cannot be shown: {type(error).__name__})", kind="chatter")


def publish_told(told: Told, live: Live) -> None:
    """One command that was sent to Redis."""
    command, jid, until = told.words[0].upper(), "", None
    for word in told.words[1:]:
        jid = jid or jid_in(word)
    step = ""
    if jid and command in ("LPUSH", "RPUSH") and told.words[1].startswith("queue:"):
        step = "pushed" if command == "LPUSH" else "given back"
    elif jid and command == "ZADD" and told.words[1] in ("retry", "dead"):
        step, until = told.words[1], score_of(told.words, jid)
    shown = monitor.matching([told], FILTER)
    unfolded = [cut(line) for line in told.lines(unfold=True)[:MOST_LINES]]
    live.publish(
        "redis",
        cut(told.lines(unfold=False)[0]),
        kind="line" if shown else "chatter",
        jid=jid,
        step=step,
        until=until,
        detail=tuple(unfolded) if len(unfolded) > 1 else (),
        more={"short": cut(" ".join([command, *told.words[1:2]]), 80)},
    )


def score_of(words: tuple[str, ...], jid: str) -> float | None:
    """The score, in epoch seconds, at which a ZADD adds this job; None if that is no moment that anybody could wait for.

    It stands right before the job: NX, XX, GT, LT, CH and INCR may come first.

    >>> score_of(("ZADD", "retry", "XX", "CH", "1532784329.5", '{"jid":"5a"}'), "5a")
    1532784329.5
    >>> score_of(("ZADD", "retry", "XX"), "5a"), score_of(("ZADD", "retry", "inf", '{"jid":"5a"}'), "5a")
    (None, None)
    """
    place = next((place for place, word in enumerate(words) if jid_in(word) == jid), 0)
    try:
        score = float(words[place - 1])
    except ValueError:
        return None
    return score if 0 <= score < LAST_MOMENT else None


def cut(line: str, most: int = LONGEST_LINE) -> str:
    """A line, or its beginning: a job may have 20 MB, and a pane shows lines."""
    return line if len(line) <= most else f"{line[:most]}… ({len(line):,} characters)"


def publish_log(line: str, live: Live) -> None:
    """One line of the worker process's log."""
    match = LOG_LINE.match(line)
    if match is None:
        live.publish("worker", cut(line))
        return
    message, jid = match["message"], match["jid"] or ""
    step = STEPS.get(message.partition(":")[0], "")
    short = message
    if message.startswith("rescued from a dead process: "):
        short, _, payload = message.partition(": ")
        jid = jid_in(payload)
    # Its own time is UTC. The pane shows the time of this machine, as the others do.
    live.publish("worker", cut(match["line"]), jid=jid, step=step, more={"short": cut(short, 200)})


def jid_in(text: str) -> str:
    """The id of the job in a JSON text: a job, or what a thread is doing, with the job as text inside.

    >>> jid_in('{"class":"Greet","jid":"593f66432baeb76a116b7cac"}'), jid_in('{"payload":"{\\\\"jid\\\\":\\\\"5a\\\\"}"}')
    ('593f66432baeb76a116b7cac', '5a')
    >>> jid_in("queue:default")
    ''
    """
    if not text.startswith("{"):
        return ""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if isinstance(document.get("payload"), str):
        return jid_in(document["payload"])
    return str(document.get("jid") or "")
