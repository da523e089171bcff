"""Peers that are slow on purpose. They are opened at the start of the run and looked at late in it,
so that waiting for their time-outs costs the run nothing."""

import ssl
import threading
import time

from . import wire
from .wire import END_HEADERS, HEADERS, frame

DRIP_SECONDS = 1.0

GREETING = wire.PREFACE + wire.settings() + frame(wire.SETTINGS, wire.ACK)


class SlowPeer:
    """One connection that says `opening` at once and then `drip` a byte at a time, or nothing."""

    def __init__(self, name, connection, limit_seconds, opening=b"", drip=None):
        self.name, self.limit_seconds = name, limit_seconds
        self.connection, self.drip = connection, drip
        self.opened_at, self.ended_after = time.monotonic(), None
        self.received = b""
        if opening:
            connection.sendall(opening)
        connection.settimeout(0)

    def turn(self):
        """Says a little more, and notices the end."""
        if self.ended_after is not None:
            return
        try:
            if self.drip is not None:
                self.connection.send(next(self.drip))
            while True:
                piece = self.connection.recv(65536)
                if not piece:
                    return self._ended()
                self.received += piece
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if self.name.startswith("HTTP/2") and refused_stream(self.received):
                self._ended()
        except OSError:
            self._ended()

    def _ended(self):
        self.ended_after = time.monotonic() - self.opened_at
        self.connection.close()


def refused_stream(received):
    """Whether the server has reset a stream: enough where only one request is too slow."""
    while len(received) >= 9:
        size = int.from_bytes(received[:3], "big")
        if received[3] == wire.RST_STREAM:
            return True
        received = received[9 + size :]
    return False


def endless(*pieces):
    """Bytes one at a time from `pieces`, the last of them for ever."""
    for piece in pieces[:-1]:
        for octet in piece:
            yield bytes([octet])
    while True:
        yield pieces[-1]


def client_hello(server_name):
    """The first flight of a TLS handshake."""
    outgoing = ssl.MemoryBIO()
    session = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname=server_name
    )
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def peers(targets):
    """Slow peers for targets by their names."""
    made = []
    for name, target in targets.items():
        made += http2_peers(target)
        if name == "gateway":
            made += http1_peers(target) + http2_bodies(target)
    return made


def http2_peers(target):
    """Slow peers for any HTTP/2 server."""
    hello = client_hello(target.server_name)
    block = wire.hpack.Encoder().encode(target.request(), huffman=False)
    name = f"HTTP/2 {target.name}"
    made = [
        SlowPeer(f"{name}: no preface", target.connect(), 20),
        SlowPeer(f"{name}: slow preface", target.connect(), 20, drip=endless(GREETING, b"x")),
        SlowPeer(
            f"{name}: slow fields",
            target.connect(),
            20,
            GREETING + frame(HEADERS, 0, 1, block),
            endless(frame(wire.CONTINUATION, 0, 1, b"")),
        ),
        SlowPeer(f"{name}: frame never completed", target.connect(), 30, GREETING + b"\0\0\x05\0"),
    ]
    if target.ca_file:
        made += [
            SlowPeer(f"{name}: no handshake", target.connect_plain(), 20),
            SlowPeer(f"{name}: slow handshake", target.connect_plain(), 20, drip=endless(hello, b"x")),
        ]
    return made


def http2_bodies(target):
    """Slow bodies. In RPC a call may rest as long as its deadline allows, so this is the gateway's."""
    block = wire.hpack.Encoder().encode(target.request(), huffman=False)
    asked = GREETING + frame(HEADERS, END_HEADERS, 1, block)
    name = f"HTTP/2 {target.name}"
    drops = endless(frame(wire.DATA, 0, 1, b" "))
    return [
        SlowPeer(f"{name}: body that stops", target.connect(), 40, asked),
        SlowPeer(f"{name}: body that dribbles", target.connect(), 150, asked, drops),
    ]


def http1_peers(target):
    """Slow peers for the HTTP/1.1 side of a server with TLS."""

    def connect():
        return target.connect(protocol="http/1.1")

    head = (
        b"POST /api/v1/licenses/validate-key HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\n"
    )
    body = head + b"Content-Length: 5000\r\n\r\n{"
    name = f"HTTP/1.1 {target.name}"
    return [
        SlowPeer(f"{name}: says nothing", connect(), 20),
        SlowPeer(f"{name}: slow request line", connect(), 20, drip=endless(head, b"x")),
        SlowPeer(f"{name}: slow fields", connect(), 20, head, endless(b"X: y\r\n" * 99, b"x")),
        SlowPeer(f"{name}: body that stops", connect(), 40, body),
        SlowPeer(f"{name}: body that dribbles", connect(), 150, body, endless(b" ")),
        SlowPeer(
            f"{name}: chunk size that dribbles",
            connect(),
            150,
            head + b"Transfer-Encoding: chunked\r\n\r\n",
            endless(b"0"),
        ),
        SlowPeer(
            f"{name}: idle after an answer",
            connect(),
            100,
            b"GET /api/v1/none HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ),
    ]


class SlowPeers:
    """All of them, served by one thread."""

    def __init__(self, peers):
        self.peers = peers
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slow peers", daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending.wait(DRIP_SECONDS):
            for peer in self.peers:
                peer.turn()

    def close(self):
        self._ending.set()
        self._thread.join()
        for peer in self.peers:
            peer.connection.close()
