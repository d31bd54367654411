"""An inbox that is served by a real mail server: `aiosmtpd`, in a thread of its own."""

from __future__ import annotations

import socket
from typing import Any

from aiosmtpd.controller import Controller

START_WITHIN = 30  # seconds, on a busy machine


class Served(Controller):
    """aiosmtpd's server, at a socket that listens already: a port that is only known to be free may be taken meanwhile."""

    def __init__(self, handler: Any, listening: socket.socket | None = None) -> None:
        listening = listening or socket.create_server(("127.0.0.1", 0))
        host, port = listening.getsockname()
        super().__init__(handler, hostname=host, port=port, ready_timeout=START_WITHIN)
        self._listening = listening
        # The server answers in several pieces. Without this, the second waits until the client confirms the first: 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._listening)
