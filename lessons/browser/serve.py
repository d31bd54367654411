"""Serves the site on this machine, for one who wants to look at it."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar


class Files(SimpleHTTPRequestHandler):
    """The files of a folder, below a prefix. What a browser keeps, it asks about before it uses it again."""

    extensions_map: ClassVar[dict[str, str]] = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, prefix: str, **options: Any) -> None:
        self._prefix = prefix
        super().__init__(*arguments, **options)

    def translate_path(self, path: str) -> str:
        """The file at an address; outside the prefix there is none."""
        if not path.startswith(self._prefix):
            return str(Path(self.directory) / "nowhere")
        return super().translate_path(path[len(self._prefix) - 1 :])

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    """A visitor who leaves while something is on its way to them is nothing to report."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def server(site: Path, port: int = 0, prefix: str = "/") -> Server:
    """A server of this folder, for this machine alone; 0 is a free port. `prefix` begins and ends with a slash."""
    return Server(("127.0.0.1", port), partial(Files, directory=str(site), prefix=prefix))
