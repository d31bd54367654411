"""A network that does what networks do: it breaks, keeps what was sent, and delivers it late.

`Proxy` stands between worker processes and a Redis; `Switch` is two hosts on a bridge, each in a network namespace.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis as redis_py
from processes import eventually

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close without a farewell
NEW_NETWORK = 0x40000000  # CLONE_NEWNET


class TcpServer:
    """A Redis server of a test's own on a TCP port; it keeps nothing. Tests talk to it on its Unix socket."""

    def __init__(self, folder: Path, *settings: str, host: str = "127.0.0.1") -> None:
        binary = shutil.which("redis-server") or shutil.which("valkey-server")
        if binary is None:
            pytest.skip("no redis-server or valkey-server on PATH")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.address, self.url = (host, self.port), f"redis://{host}:{self.port}"
        path = str(folder / f"redis-{self.port}.sock")
        places = ["--bind", host, "--port", str(self.port), "--unixsocket", path, "--dir", str(folder)]
        files = ["--save", "", "--protected-mode", "no", "--repl-diskless-sync-delay", "0"]
        self.popen = subprocess.Popen([binary, *places, *files, *settings], stdout=subprocess.DEVNULL)
        self.client = redis_py.Redis(unix_socket_path=path)
        eventually(self.answers)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis_py.RedisError:
            return False

    def close(self) -> None:
        self.client.close()
        self.popen.kill()
        self.popen.wait()


class Way:
    """One client's connection, and the one to Redis that was opened for it. They need not end together."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self.proxy, self.client = proxy, client
        self.server = socket.create_connection(proxy.target)
        self.kept, self.cut = b"", False
        self.lock = threading.Lock()
        self.up = threading.Thread(target=self._up, daemon=True)
        self.down = threading.Thread(target=self._down, daemon=True)
        self.up.start()
        self.down.start()

    def _up(self) -> None:
        with suppress(OSError):
            while data := self.client.recv(1 << 16):
                with self.lock:
                    self.kept += data
                    self.pass_on()
        with self.lock:
            if not self.kept and not self.cut:
                self.hang_up()  # the client has gone, as clients do

    def _down(self) -> None:
        with suppress(OSError):
            while data := self.server.recv(1 << 16):
                if not self.cut:
                    with suppress(OSError):
                        self.client.sendall(data)
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)

    def pass_on(self) -> None:
        if self.proxy.mode == "swallow":
            self.kept = b""
        elif self.proxy.mode == "pass" and not self.cut:
            self.deliver()

    def deliver(self) -> None:
        """What is kept reaches Redis now, even if its sender has gone meanwhile."""
        data, self.kept = self.kept, b""
        with suppress(OSError):
            self.server.sendall(data)

    def reset(self) -> None:
        """The client's side ends with RST. What the client has sent is kept, and the side to Redis stays open."""
        with self.lock:
            self.cut = True
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RD)  # sends nothing, but wakes the thread that reads
        self.up.join()
        with suppress(OSError):
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.client.close()

    def hang_up(self) -> None:
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.reset()
        self.hang_up()
        self.down.join()
        self.server.close()


class Proxy:
    """Passes on what clients send to `target`, and the answers back, until a test cuts or holds them."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        """Where connections lead that are opened from now on."""
        self.mode = "pass"
        self.ways: list[Way] = []
        self.past: list[Way] = []  # cut, and open to Redis still
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    way = Way(self, client)
                except OSError:
                    client.close()
                    continue
                with self._lock:  # `cut` takes the list away
                    self.ways.append(way)

    def hold(self) -> None:
        """Keep what clients send from now on."""
        self.mode = "hold"

    def swallow(self) -> None:
        """Drop what clients send from now on."""
        self.mode = "swallow"

    def release(self) -> None:
        """Pass on what was kept, also of clients that have hung up meanwhile, and what comes from now on."""
        self.mode = "pass"
        for way in list(self.ways):
            with way.lock:
                way.pass_on()

    def kept(self) -> bytes:
        return b"".join(way.kept for way in list(self.ways))

    def cut(self) -> list[Way]:
        """Reset every client's connection. Returns what can be delivered late."""
        with self._lock:
            ways, self.ways = self.ways, []
        for way in ways:
            way.reset()
        self.past += ways
        self.mode = "pass"
        return ways

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for way in self.ways + self.past:
            way.close()


class Switch:
    """Two hosts, `left` and `right`, on a switch: three network namespaces, the switch is a bridge in the third."""

    left, right = "10.213.7.1", "10.213.7.2"

    def __init__(self) -> None:
        self.name = f"mj{os.getpid()}"
        self.made: list[str] = []

    def make(self) -> None:
        if shutil.which("ip") is None:
            pytest.skip("no ip on PATH: a switch needs iproute2")
        if os.getuid() != 0:
            pytest.skip("only root may make network namespaces")
        try:
            for part in ("switch", "left", "right"):
                ip("netns", "add", f"{self.name}{part}")
                self.made.append(f"{self.name}{part}")
            self.on("switch", "link", "add", "switch", "type", "bridge")
            self.on("switch", "link", "set", "switch", "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces or no bridges here: {error.stderr.strip()}")
        for host, address in (("left", self.left), ("right", self.right)):
            peer = ("peer", "name", "eth0", "netns", f"{self.name}{host}")
            self.on("switch", "link", "add", host, "type", "veth", *peer)
            self.on("switch", "link", "set", host, "master", "switch", "up")
            self.on(host, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                self.on(host, "link", "set", device, "up")

    def on(self, part: str, *words: str) -> None:
        ip("-n", f"{self.name}{part}", *words)

    def port(self, host: str, state: str) -> None:
        """The switch's port to this host, `up` or `down`."""
        self.on("switch", "link", "set", host, state)

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """What this thread starts meanwhile runs on that host."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}{host}") as there:
            enter(there.fileno())
            try:
                yield
            finally:
                enter(home.fileno())

    def close(self) -> None:
        for namespace in self.made:
            ip("netns", "delete", namespace)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=10)


def enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, NEW_NETWORK) != 0:  # os.setns is in Python 3.12 and later
        raise OSError(ctypes.get_errno(), "setns")
