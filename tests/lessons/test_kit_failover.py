"""A Redis that is gone, and its replica that takes over."""

from __future__ import annotations

from lessons.kit import session, start, wait_until, with_replica
from minijobs import Client, Queue, RedisUnavailable, connection

JOB = {"class": "Gif", "args": []}


def test_the_replica_takes_over_with_what_it_has_copied():
    start(server=True)
    try:
        ours = connection.current()
        redises = with_replica()
        client = redises.client()
        assert connection.current() is ours
        Client(client).push(JOB)
        wait_until(redises.copied)
        assert not redises.replica_took_over()
        redises.kill()

        def pushed():
            try:
                return Client(client).push(JOB)
            except RedisUnavailable:
                return None

        wait_until(pushed)
        assert redises.replica_took_over()
        assert len(Queue("default", client)) == 2
    finally:
        session.end()
    assert all(program.code() is not None for program in redises._programs)
