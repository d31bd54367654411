"""A Redis server that may be killed: a lesson starts it beside the one that it works with."""

from __future__ import annotations

from typing import Any

import redis

from minijobs import connection

from . import redis_server, session


class SpareRedis:
    """A server of the lesson's own, whatever `REDIS_URL` says: nobody else uses it. `redis` is a client for it."""

    def __init__(self, words: str) -> None:
        at, current = session.beside(), connection.current()
        self._server = redis_server.own(at.leash, "lesson", words.split())
        at.ends_too(self._server.stop)
        connection.connect(current)  # the Workers of the lesson go on with theirs
        self.redis = self._client()

    def kill(self) -> None:
        """Send it KILL: it ends at once, in the middle of whatever it does."""
        self._server.kill()

    def start(self) -> None:
        """Start it again, with the same settings and the same folder."""
        if self._server.died() is not None:
            self._server.start()
            self.redis.close()
            self.redis = self._client()  # the connections of the other one are broken

    def _client(self) -> Any:
        return connection.check_client(redis.Redis.from_url(self._server.url))


def start_redis(words: str = "") -> SpareRedis:
    """Start another Redis server, with these words on its command line; without any, it has the settings of its makers."""
    print(f"$ redis-server {words}".rstrip(), flush=True)
    return SpareRedis(words)
