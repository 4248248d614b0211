"""A TCP proxy on loopback that breaks connections in the ways that lose or double rows elsewhere.

Faults are drawn from a seed. It sees plain text only: it clears the TLS bit of the server's greeting, so that both
sides stay in the clear. Counters say how often each fault happened, for a test must know that it tested something.
"""

from __future__ import annotations

import random
import re
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field

from servers import HOST, free_port
from waiting import pause

CHUNK = 65536
CLIENT_SSL = 0x0800
QUIET_SECONDS = 0.3
COMMIT = re.compile(rb"\bCOMMIT\b", re.I)  # not SET AUTOCOMMIT


@dataclass
class Faults:
    """What goes wrong, each with its probability; change it while the proxy runs."""

    lose_commit_answer: float = 0  # COMMIT arrives and is executed, its answer does not come back
    lose_commit: float = 0  # the connection ends instead of COMMIT arriving
    cut_at_commit: float = 0  # both at once: nobody knows whether COMMIT was executed
    late_commit: float = 0  # the client's side ends, COMMIT arrives late_seconds afterwards
    late_seconds: float = 1.5
    cut_after_bytes: int = 0  # every connection ends after a random number of bytes up to this
    delay_seconds: float = 0  # before each piece, both ways
    blackhole: bool = False  # connections stay open and carry nothing
    refuse: bool = False  # new connections are closed at once


@dataclass
class _Link:
    client: socket.socket
    server: socket.socket
    budget: int
    swallow: threading.Event = field(default_factory=threading.Event)
    mute: threading.Event = field(default_factory=threading.Event)  # nothing reaches the client any more

    def close(self) -> None:
        for end in (self.client, self.server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


class Proxy:
    def __init__(self, host: str, port: int, seed: int = 1) -> None:
        self.target = (host, port)
        self.host, self.port = HOST, free_port()
        self.faults = Faults()
        self.happened: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._links: list[_Link] = []
        self._closed = False
        self._listener = socket.create_server((self.host, self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closed = True
        self._listener.close()
        self.cut_all()

    def cut_all(self) -> None:
        """Ends every open connection."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.close()
        self.happened["cut"] += len(links)

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.faults.refuse:
                self.happened["refuse"] += 1
                client.close()
                continue
            try:
                server = socket.create_connection(self.target, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            budget = self._random.randrange(1, self.faults.cut_after_bytes + 1) if self.faults.cut_after_bytes else 0
            link = _Link(client, server, budget)
            with self._lock:
                self._links.append(link)
            threading.Thread(target=self._upward, args=(link,), daemon=True).start()
            threading.Thread(target=self._downward, args=(link,), daemon=True).start()

    def _pass(self, link: _Link, to: socket.socket, data: bytes) -> bool:
        if self.faults.delay_seconds:
            pause(self.faults.delay_seconds)
        while self.faults.blackhole and not self._closed:
            pause(0.05)
        if link.budget:
            link.budget -= len(data)
            if link.budget <= 0:
                self.happened["cut_after_bytes"] += 1
                data = data[:max(0, len(data) + link.budget)]
                to.sendall(data)
                return False
        to.sendall(data)
        return True

    def _upward(self, link: _Link) -> None:
        """Client to server; this is where COMMIT passes."""
        tail = b""
        try:
            while data := link.client.recv(CHUNK):
                commits = COMMIT.search(tail + data) is not None
                tail = data[-5:]
                goes_on = self._at_commit(link, data) if commits else self._pass(link, link.server, data)
                if not goes_on:
                    break
        except OSError:
            pass
        if not link.swallow.is_set():
            link.close()

    def _at_commit(self, link: _Link, data: bytes) -> bool:
        """Forwards the piece that holds COMMIT, or not; False ends the connection."""
        draw = self._random.random()
        faults = self.faults
        if draw < faults.lose_commit:
            self.happened["lose_commit"] += 1
            return False
        draw -= faults.lose_commit
        if draw < faults.lose_commit_answer:
            link.swallow.set()
            link.server.sendall(data)
            return True
        draw -= faults.lose_commit_answer
        if draw < faults.cut_at_commit:
            self.happened["cut_at_commit"] += 1
            link.mute.set()  # first: the answer may be back before the connection is closed
            link.server.sendall(data)
            return False
        draw -= faults.cut_at_commit
        if draw < faults.late_commit:
            self._commit_late(link, data)
            return False
        return self._pass(link, link.server, data)

    def _commit_late(self, link: _Link, data: bytes) -> None:
        """The client believes the connection dead long before the server gets to see COMMIT on it."""
        link.mute.set()
        try:
            link.client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        pause(self.faults.late_seconds)
        link.server.sendall(data)
        self._swallow(link, "late_commit")

    def _downward(self, link: _Link) -> None:
        first = True
        try:
            while data := link.server.recv(CHUNK):
                if link.swallow.is_set():
                    self._swallow(link, "lose_commit_answer")
                    break
                if link.mute.is_set():
                    break
                if first:
                    data, first = without_tls(data), False
                if not self._pass(link, link.client, data):
                    break
        except OSError:
            pass
        if not link.mute.is_set():
            link.close()

    def _swallow(self, link: _Link, fault: str) -> None:
        """Reads until the server has said all: only then COMMIT is certain to have been executed."""
        link.server.settimeout(QUIET_SECONDS)
        try:
            while link.server.recv(CHUNK):
                pass
        except OSError:
            pass
        self.happened[fault] += 1


def without_tls(greeting: bytes) -> bytes:
    """The server's greeting without the offer of TLS: header (4), version 10, text, 0, 13 bytes, capabilities."""
    if len(greeting) < 6 or greeting[4] != 10:
        return greeting
    place = greeting.index(0, 5) + 1 + 13
    low = int.from_bytes(greeting[place:place + 2], "little") & ~CLIENT_SSL
    return greeting[:place] + low.to_bytes(2, "little") + greeting[place + 2:]
