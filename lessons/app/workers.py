"""The Worker of the seed. The page calls it in two ways; the worker process loads this file, with `-r`."""

from __future__ import annotations

import os

from minijobs import Worker

from .mail import send_gif

# A Redis that holds somebody's jobs already is no place to take jobs from `default`: see redis_server.
QUEUE = "MINIJOBS_APP_QUEUE"


class SendGifToUserWorker(Worker):
    """Mails somebody a thought, with a picture. The mail is slow."""

    queue = os.environ.get(QUEUE, "default")

    def perform(self, email: str, thought: str) -> None:
        send_gif(email, thought, jid=self.jid)

    @staticmethod
    def retry_in(count: int, error: BaseException) -> float:
        """One second, for somebody who waits in front of the page; otherwise it would be 15 at least, then 16, 31, 96 …

        A little chance is added in any case, so that jobs that failed together do not come back together: up to 9 seconds
        the first time, up to 19 the second.
        """
        return 1
