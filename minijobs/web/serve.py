"""The command `minijobs web`: the dashboard alone, served by waitress."""

from __future__ import annotations

import ipaddress
import os
import socket

import waitress  # type: ignore[import-untyped]

from .. import connection
from ..console import Refused
from . import security
from .app import dashboard


def serve(host: str, port: int) -> int:
    """Serve the dashboard there until Ctrl-C. Raises Refused where that cannot be done, and RedisError without a Redis."""
    here = _for_this_machine_alone(host)
    if not here and not os.environ.get("MINIJOBS_WEB_PASSWORD"):
        raise Refused(f"--host {host} lets other machines in: set MINIJOBS_WEB_PASSWORD, or leave it at 127.0.0.1.")
    connection.current().ping()
    app = dashboard()
    if here:
        security.only_for_this_machine(app)
    try:
        server = waitress.create_server(app, host=host, port=port, threads=8, ident="minijobs")
    except OSError as error:
        raise Refused(f"Nobody can be served at {host}, port {port}: {error.strerror}. Try another, --port.") from None
    # On a name with two addresses it listens on both.
    _, port = server.effective_listen[0] if hasattr(server, "effective_listen") else (None, server.effective_port)
    name = f"[{host}]" if ":" in host else host
    print(f"The dashboard of Redis at {connection.address(connection.current())} is at http://{name}:{port}/", flush=True)
    server.run()
    return 0


def _for_this_machine_alone(host: str) -> bool:
    """Whether every address of this name is a loopback one."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError as error:
        raise Refused(f"--host {host} is no address of this machine: {error.strerror}.") from None
    return all(ipaddress.ip_address(address[0]).is_loopback for *_, address in found)
