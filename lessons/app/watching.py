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

LOG_LINE = re.compile(r"^\S+Z \d+ TID-\S+ (?:\S+ JID-(?P<jid>\S+) )?[A-Z]+: (?P<message>.*)", re.DOTALL)
STEPS = {"start": "began", "done": "done", "fail": "failed"}


def watch_redis(redis: Any, live: Live, watching: threading.Event, stop: threading.Event) -> None:
    """Publish what this Redis is told, in our database, until we stop. `watching` is set as soon as we see something."""
    database = str(redis.get_connection_kwargs().get("db") or 0)
    away = False
    while not stop.is_set():
        try:
            for told in monitor.watch(redis):
                watching.set()
                away = False
                if told.client.split(" ")[0] == database:
                    publish_told(told, live)
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


def publish_told(told: Told, live: Live) -> None:
    """One command that Redis was told."""
    command, jid, until = told.words[0].upper(), "", None
    for word in told.words[1:]:
        jid = jid or jid_in(word)
    step = ""
    if jid and command in ("LPUSH", "RPUSH") and told.words[1].startswith("queue:"):
        step = "pushed" if command == "LPUSH" else "given back"
    elif jid and command == "ZADD" and told.words[1] in ("retry", "dead"):
        step, until = told.words[1], float(told.words[2])
    shown = monitor.matching([told], FILTER)
    unfolded = told.lines(unfold=True)
    live.publish(
        "redis",
        told.lines(unfold=False)[0],
        kind="line" if shown else "chatter",
        jid=jid,
        step=step,
        until=until,
        detail=tuple(unfolded) if len(unfolded) > 1 else (),
        more={"short": " ".join([command, *told.words[1:2]])},
    )


def publish_log(line: str, live: Live) -> None:
    """One line of the worker process's log."""
    match = LOG_LINE.match(line)
    if match is None:
        live.publish("worker", line)
        return
    message, jid = match["message"], match["jid"] or ""
    step = STEPS.get(message.partition(":")[0], "")
    short = message
    if message.startswith("rescued from a dead process: "):
        short, _, payload = message.partition(": ")
        jid = jid_in(payload)
    live.publish("worker", line, jid=jid, step=step, dated=True, more={"short": short})


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
