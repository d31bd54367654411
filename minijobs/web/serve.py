"""The command `minijobs web`: the dashboard on its own, served by waitress."""

from __future__ import annotations

import ipaddress
import os
import socket

import waitress  # type: ignore[import-untyped]

from .. import connection, preflight
from ..console import Failed, Refused
from . import security
from .app import dashboard


def serve(host: str, port: int) -> int:
    """Serve the dashboard at this host and port until Ctrl-C; port 0 means any free one.

    Raises Refused for arguments that are not allowed, Failed if it cannot serve there, RedisUnavailable without a Redis.
    """
    if not 0 <= port <= 65_535:
        raise Refused(f"--port {port}: it must be from 0, for any that is free, to 65535.")
    addresses = _addresses(host)
    for_this_machine_alone = all(ipaddress.ip_address(address).is_loopback for _, address in addresses)
    if not for_this_machine_alone and not os.environ.get("MINIJOBS_WEB_PASSWORD"):
        raise Refused(f"--host {host} lets other machines in: set MINIJOBS_WEB_PASSWORD, or leave it at 127.0.0.1.")
    try:
        preflight.check(connection.current())
    except preflight.CannotStart as error:
        raise Failed(str(error)) from None
    app = dashboard()
    if for_this_machine_alone:
        security.only_for_this_machine(app)
    family, address = addresses[0]
    try:
        listening = socket.create_server((address, port), family=family)
    except OSError as error:
        raise Failed(f"Nobody can be served at {host}, port {port}: {error.strerror}. Try another --port.") from None
    with listening:
        server = waitress.create_server(app, sockets=[listening], threads=8, ident="minijobs")
        name = f"[{host}]" if ":" in host else host
        where = connection.address(connection.current())
        print(f"The dashboard of Redis at {where} is at http://{name}:{server.effective_port}/", flush=True)
        server.run()
    return 0


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses of this host name, IPv4 first. Raises Failed if it has none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError if it cannot be a host name at all
        reason = getattr(error, "strerror", None) or error
        raise Failed(f"--host {host} is no address of this machine: {reason}.") from None
    return sorted((family, str(address[0])) for family, *_, address in found)
