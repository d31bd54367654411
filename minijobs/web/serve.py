"""The command `minijobs web`: the dashboard on its own, served by waitress."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Sequence
from typing import Any

import waitress  # type: ignore[import-untyped]

from .. import connection, preflight
from ..console import Failed, Refused
from . import security
from .app import dashboard

LONGEST_HEADER = 64_000  # bytes of all headers of a request, the address included


# What a proxy may say about the visitor: the address, the host name and the scheme with which it was asked.
PROXY_SAYS = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}


def serve(
    host: str,
    port: int,
    *,
    prefix: str = "",
    allowed: Sequence[str] = (),
    proxy: str | None = None,
    read_only: bool = False,
) -> int:
    """Serve the dashboard at this host and port until Ctrl-C; port 0 means any free one.

    `prefix` is the path below which a proxy shows it, such as /jobs. `allowed` are the host names that it answers to,
    besides those of this machine. `proxy` is the address of a proxy that is believed when it says who asks, by which name.
    With `read_only` the dashboard has no buttons, and refuses every change.
    Raises Refused for arguments that are not allowed, Failed if it cannot serve there, RedisUnavailable without a Redis.
    """
    if not 0 <= port <= 65_535:
        raise Refused(f"--port {port}: it must be from 0, for any that is free, to 65535.")
    if not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)*/?", prefix):
        raise Refused(f"--prefix {prefix}: it must be a path such as /jobs, of letters, digits and - . _ ~ only.")
    for name in allowed:
        if name != "*" and not re.fullmatch(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", name.lower()):
            raise Refused(f"--allow-host {name}: it must be a host name without a port, such as jobs.example.com.")
    addresses = _addresses(host)
    for_this_machine_alone = all(ipaddress.ip_address(address).is_loopback for _, address in addresses)
    password = os.environ.get("MINIJOBS_WEB_PASSWORD")
    if not for_this_machine_alone and not password:
        raise Refused(f"--host {host} lets other machines in: set MINIJOBS_WEB_PASSWORD, or leave it at 127.0.0.1.")
    trusted: dict[str, Any] = {"trusted_proxy": _one_address(proxy), "trusted_proxy_headers": PROXY_SAYS} if proxy else {}
    try:
        preflight.check(connection.current())
    except preflight.CannotStart as error:
        raise Failed(str(error)) from None
    # Bound to this machine, it answers to names of this machine only, even with a password: nobody else should ask.
    names = [*allowed, host] if for_this_machine_alone or allowed else None
    app = dashboard(hosts=names, read_only=read_only)
    family, address = addresses[0]
    try:
        listening = socket.create_server((address, port), family=family)
    except OSError as error:
        raise Failed(f"Nobody can be served at {host}, port {port}: {error.strerror}. Try another --port.") from None
    with listening:
        server = waitress.create_server(
            app,
            sockets=[listening],
            threads=8,
            ident="minijobs",
            url_prefix=prefix,
            max_request_body_size=security.MOST_BODY,  # it is read before anybody is asked for a password
            max_request_header_size=LONGEST_HEADER,
            **trusted,
        )
        name = f"[{host}]" if ":" in host else host
        where = connection.address(connection.current())
        below = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        title = "The read-only dashboard" if read_only else "The dashboard"
        print(f"{title} of Redis at {where} is at http://{name}:{server.effective_port}/{below}", flush=True)
        server.run()
    return 0


def _one_address(proxy: str) -> str:
    """An address of a proxy. Raises Refused if it is none."""
    try:
        return str(ipaddress.ip_address(proxy))
    except ValueError:
        raise Refused(
            f"--trusted-proxy {proxy}: it must be the IP address from which the proxy asks, as in 127.0.0.1."
        ) from None


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses of this host name, IPv4 first. Raises Failed if it has none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError if it cannot be a host name at all
        reason = getattr(error, "strerror", None) or error
        raise Failed(f"--host {host} is no address of this machine: {reason}.") from None
    return sorted((family, str(address[0])) for family, *_, address in found)
