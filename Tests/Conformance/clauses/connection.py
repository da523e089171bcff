"""Sections 3.4, 4 and 5.4 to 5.5: preface, frame format, frame size, errors, extensions."""

import struct

from harness import wire
from harness.wire import (
    COMPRESSION_ERROR,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    PING,
    PROTOCOL_ERROR,
    frame,
)

from .table import clause

UNKNOWN_TYPE = 0x16
FRAME_SIZE_LIMIT = 1 << 14


@clause("3.4/invalid-preface", handshake=False)
def _(peer):
    """An invalid connection preface ends the connection."""
    peer.send(b"INVALID CONNECTION PREFACE\r\n\r\n" + bytes(24))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("3.4/preface-broken-off", handshake=False)
def _(peer):
    """A preface that turns wrong in its last bytes ends the connection."""
    peer.send(wire.PREFACE[:-4] + b"\r\r\r\r" + wire.settings())
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("3.4/first-frame-not-settings", handshake=False)
def _(peer):
    """The client's first frame must be SETTINGS."""
    peer.send(wire.PREFACE, frame(PING, payload=bytes(8)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("3.4/first-frame-settings-ack", handshake=False)
def _(peer):
    """The client's first frame must be SETTINGS that is no acknowledgement."""
    peer.send(wire.PREFACE, frame(wire.SETTINGS, wire.ACK))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("4.1/unknown-type")
def _(peer):
    """Frames of unknown types are ignored."""
    peer.send(frame(UNKNOWN_TYPE, 0, 0, bytes(8)))
    peer.expect_ping_answer()


@clause("4.1/unknown-flag")
def _(peer):
    """Flags that a type does not define are ignored."""
    peer.send(frame(PING, 0x16, 0, b"liveness"))
    answer = peer.read_until(lambda f: f.kind == PING)
    assert answer.has(wire.ACK) and answer.payload == b"liveness"


@clause("4.1/reserved-bit")
def _(peer):
    """The reserved bit of the stream identifier is ignored."""
    peer.send(frame(PING, 0, 0x80000000, b"liveness"))
    answer = peer.read_until(lambda f: f.kind == PING)
    assert answer.has(wire.ACK) and answer.payload == b"liveness"


@clause("4.2/largest-data")
def _(peer):
    """A DATA frame of 2^14 octets is received."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(DATA, END_STREAM, 1, bytes(FRAME_SIZE_LIMIT)))
    peer.expect_response(1)


def beyond(peer):
    """A payload one octet larger than the server takes."""
    return bytes(peer.server_settings.get(wire.MAX_FRAME_SIZE, FRAME_SIZE_LIMIT) + 1)


@clause("4.2/data-too-large")
def _(peer):
    """A DATA frame over SETTINGS_MAX_FRAME_SIZE is a FRAME_SIZE_ERROR."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(DATA, END_STREAM, 1, beyond(peer)))
    peer.expect_stream_error(1, FRAME_SIZE_ERROR)


@clause("4.2/headers-too-large")
def _(peer):
    """A HEADERS frame over the limit is a connection error, as it would break HPACK's state."""
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, beyond(peer)))
    peer.expect_connection_error(FRAME_SIZE_ERROR)


@clause("4.2/settings-too-large")
def _(peer):
    """A SETTINGS frame over the limit is a connection error."""
    size = len(beyond(peer)) // 6 * 6 + 6
    peer.send(frame(wire.SETTINGS, 0, 0, bytes(size)))
    peer.expect_connection_error(FRAME_SIZE_ERROR)


@clause("4.2/unknown-too-large")
def _(peer):
    """An unknown frame over the limit is refused like any other."""
    peer.send(frame(UNKNOWN_TYPE, 0, 0, beyond(peer)))
    peer.expect_connection_error(FRAME_SIZE_ERROR)


@clause("4.3/invalid-block")
def _(peer):
    """A field block that cannot be decoded is a COMPRESSION_ERROR."""
    # A literal with incremental indexing whose value claims more octets than there are.
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x40\x01\x61\x7f\xff\x01"))
    peer.expect_connection_error(COMPRESSION_ERROR)


@clause("4.3/priority-inside-block")
def _(peer):
    """Nothing may come between the frames of a field block: PRIORITY."""
    peer.send(frame(HEADERS, END_STREAM, 1, peer.block(peer.target.request())))
    peer.send(frame(wire.PRIORITY, stream=1, payload=struct.pack(">IB", 0, 255)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("4.3/headers-of-another-stream-inside-block")
def _(peer):
    """Nothing may come between the frames of a field block: HEADERS of another stream."""
    peer.send(frame(HEADERS, END_STREAM, 1, peer.block(peer.target.request())))
    peer.send_headers(3)
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("5.4.1/goaway-then-end")
def _(peer):
    """A connection error is told by GOAWAY and followed by the end of the connection."""
    peer.send(frame(PING, 0, 0, bytes(6)))
    last = peer.read_until(lambda f: f.kind == GOAWAY)
    assert last.code == FRAME_SIZE_ERROR, f"{last}"
    peer.expect_closed()


@clause("5.4.1/last-stream")
def _(peer):
    """GOAWAY names the last stream the server may have acted on."""
    peer.send_request(1)
    peer.expect_response(1)
    peer.send(frame(PING, 0, 0, bytes(6)))
    last = peer.read_until(lambda f: f.kind == GOAWAY)
    assert struct.unpack(">I", last.payload[:4])[0] == 1


@clause("5.5/unknown-between")
def _(peer):
    """Unknown frames between those of a request are ignored."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(UNKNOWN_TYPE, 0xFF, 1, b"extension"))
    peer.send(frame(DATA, END_STREAM, 1, peer.target.body))
    peer.expect_response(1)


@clause("5.5/unknown-inside-block")
def _(peer):
    """An unknown frame in the middle of a field block is a PROTOCOL_ERROR."""
    peer.send(frame(HEADERS, END_STREAM, 1, peer.block(peer.target.request())))
    peer.send(frame(UNKNOWN_TYPE, 0, 0, bytes(8)))
    peer.expect_connection_error(PROTOCOL_ERROR)
