"""Sections 6.1 to 6.8 and 6.10: what each frame type must look like."""

import struct

from harness import wire
from harness.wire import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    RST_STREAM,
    SETTINGS,
    STREAM_CLOSED,
    frame,
)

from .table import clause


@clause("6.1/stream-zero")
def _(peer):
    """DATA belongs to a stream."""
    peer.send(frame(DATA, END_STREAM, 0, b"test"))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.1/stream-not-open", own_settings=((wire.INITIAL_WINDOW_SIZE, 0),))
def _(peer):
    """DATA on a stream that is not open is a STREAM_CLOSED error."""
    peer.send_request(1)
    peer.send(frame(DATA, 0, 1, b"test"))
    peer.expect_stream_error(1, STREAM_CLOSED)


@clause("6.1/padding-too-long")
def _(peer):
    """Padding as long as the payload is a connection error."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(DATA, END_STREAM | PADDED, 1, b"\x08" + b"test"))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.1/padded-and-empty")
def _(peer):
    """A padded frame has at least its length octet."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(DATA, END_STREAM | PADDED, 1, b""))
    peer.expect_connection_error(FRAME_SIZE_ERROR, PROTOCOL_ERROR)


@clause("6.2/priority-inside-block")
def _(peer):
    """HEADERS without END_HEADERS must be followed by CONTINUATION."""
    peer.send(frame(HEADERS, 0, 1, peer.block(peer.target.request())))
    peer.send(frame(PRIORITY, stream=1, payload=struct.pack(">IB", 0, 255)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.2/headers-of-another-stream")
def _(peer):
    """HEADERS of another stream within a field block is a connection error."""
    peer.send(frame(HEADERS, 0, 1, peer.block(peer.target.request())))
    peer.send_headers(3)
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.2/stream-zero")
def _(peer):
    """HEADERS belongs to a stream."""
    peer.send_headers(0)
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.2/padding-too-long")
def _(peer):
    """Padding longer than the field block is a connection error."""
    block = peer.block(peer.target.request())
    length = bytes([len(block) + 1 if len(block) < 255 else 255])
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, length + block[:200]))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.2/priority-cut-short")
def _(peer):
    """A HEADERS frame with the PRIORITY flag has its five octets."""
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM | wire.PRIORITIZED, 1, bytes(3)))
    peer.expect_connection_error(FRAME_SIZE_ERROR, PROTOCOL_ERROR)


@clause("6.3/stream-zero")
def _(peer):
    """PRIORITY belongs to a stream."""
    peer.send(frame(PRIORITY, stream=0, payload=struct.pack(">IB", 0, 255)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.3/length")
def _(peer):
    """PRIORITY has five octets."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(PRIORITY, stream=1, payload=bytes(4)))
    peer.expect_stream_error(1, FRAME_SIZE_ERROR)


@clause("6.4/stream-zero")
def _(peer):
    """RST_STREAM belongs to a stream."""
    peer.send(wire.rst_stream(0))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.4/idle")
def _(peer):
    """RST_STREAM on an idle stream is a connection error."""
    peer.send(wire.rst_stream(7))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.4/length")
def _(peer):
    """RST_STREAM has four octets."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(RST_STREAM, stream=1, payload=bytes(3)))
    peer.expect_connection_error(FRAME_SIZE_ERROR)


@clause("6.5/ack-with-payload")
def _(peer):
    """An acknowledgement of settings is empty."""
    peer.send(frame(SETTINGS, ACK, 0, bytes(6)))
    peer.expect_connection_error(FRAME_SIZE_ERROR)


@clause("6.5/stream-not-zero")
def _(peer):
    """SETTINGS belongs to the connection."""
    peer.send(frame(SETTINGS, 0, 1, struct.pack(">HI", wire.MAX_CONCURRENT_STREAMS, 1)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.5/length")
def _(peer):
    """SETTINGS is a row of six octets each."""
    peer.send(frame(SETTINGS, 0, 0, bytes(3)))
    peer.expect_connection_error(FRAME_SIZE_ERROR)


@clause("6.5.2/enable-push")
def _(peer):
    """SETTINGS_ENABLE_PUSH is 0 or 1."""
    peer.send(wire.settings((wire.ENABLE_PUSH, 2)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.5.2/initial-window-size")
def _(peer):
    """SETTINGS_INITIAL_WINDOW_SIZE is below 2^31."""
    peer.send(wire.settings((wire.INITIAL_WINDOW_SIZE, 1 << 31)))
    peer.expect_connection_error(FLOW_CONTROL_ERROR)


@clause("6.5.2/max-frame-size-below")
def _(peer):
    """SETTINGS_MAX_FRAME_SIZE is at least 2^14."""
    peer.send(wire.settings((wire.MAX_FRAME_SIZE, (1 << 14) - 1)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.5.2/max-frame-size-above")
def _(peer):
    """SETTINGS_MAX_FRAME_SIZE is below 2^24."""
    peer.send(wire.settings((wire.MAX_FRAME_SIZE, 1 << 24)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.5.2/unknown")
def _(peer):
    """Unknown settings are ignored."""
    peer.send(wire.settings((0xFF, 1)))
    peer.expect_ping_answer()


@clause("6.5.2/never-pushes", own_settings=((wire.ENABLE_PUSH, 0),))
def _(peer):
    """With SETTINGS_ENABLE_PUSH 0 there is no PUSH_PROMISE."""
    peer.send_request(1)
    peer.expect_response(1)
    assert all(seen.kind != wire.PUSH_PROMISE for seen in peer.seen)


@clause("6.5.3/last-value-counts")
def _(peer):
    """Values are processed in order: the last of one identifier counts."""
    peer.send(wire.settings((wire.INITIAL_WINDOW_SIZE, 100), (wire.INITIAL_WINDOW_SIZE, 1)))
    peer.send_request(1)
    first = peer.read_until(lambda f: f.kind == DATA)
    assert len(first.payload) == 1, f"got {first}"


@clause("6.5.3/acknowledged")
def _(peer):
    """Each SETTINGS is acknowledged."""
    for _ in range(3):
        peer.send(wire.settings())
        answer = peer.read_until(lambda f: f.kind == SETTINGS)
        assert answer.has(ACK)


@clause("6.6/push-promise")
def _(peer):
    """A client cannot push."""
    peer.send_headers(1, flags=END_HEADERS)
    promise = struct.pack(">I", 3) + peer.block(peer.target.request())
    peer.send(frame(wire.PUSH_PROMISE, END_HEADERS, 1, promise))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.7/answered")
def _(peer):
    """PING is answered with the same eight octets."""
    peer.expect_ping_answer(b"\x00\x01\x02\x03\xfc\xfd\xfe\xff")


@clause("6.7/ack-not-answered")
def _(peer):
    """PING with ACK is not answered."""
    peer.send(frame(PING, ACK, 0, b"answered"))
    peer.expect_ping_answer(b"question")
    assert all(seen.payload != b"answered" for seen in peer.seen if seen.kind == PING)


@clause("6.7/stream-not-zero")
def _(peer):
    """PING belongs to the connection."""
    peer.send(frame(PING, 0, 1, bytes(8)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.7/length")
def _(peer):
    """PING has eight octets."""
    peer.send(frame(PING, 0, 0, bytes(6)))
    peer.expect_connection_error(FRAME_SIZE_ERROR)


@clause("6.8/stream-not-zero")
def _(peer):
    """GOAWAY belongs to the connection."""
    peer.send(frame(GOAWAY, 0, 1, bytes(8)))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.8/length")
def _(peer):
    """GOAWAY has at least eight octets."""
    peer.send(frame(GOAWAY, 0, 0, bytes(7)))
    peer.expect_connection_error(FRAME_SIZE_ERROR)


@clause("6.10/not-followed-by-continuation")
def _(peer):
    """Only CONTINUATION may follow CONTINUATION without END_HEADERS."""
    block = peer.block(peer.target.request())
    peer.send(frame(HEADERS, END_STREAM, 1, block[:1]), frame(CONTINUATION, 0, 1, block[1:]))
    peer.send(frame(DATA, END_STREAM, 1, b"test"))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.10/stream-zero")
def _(peer):
    """CONTINUATION belongs to a stream."""
    block = peer.block(peer.target.request())
    peer.send(frame(HEADERS, END_STREAM, 1, block[:1]))
    peer.send(frame(CONTINUATION, END_HEADERS, 0, block[1:]))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.10/another-stream")
def _(peer):
    """CONTINUATION belongs to the stream of its HEADERS."""
    block = peer.block(peer.target.request())
    peer.send(frame(HEADERS, END_STREAM, 1, block[:1]))
    peer.send(frame(CONTINUATION, END_HEADERS, 3, block[1:]))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.10/after-complete-headers")
def _(peer):
    """CONTINUATION after HEADERS with END_HEADERS is a connection error."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(CONTINUATION, END_HEADERS, 1, peer.block(peer.target.request())))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.10/after-complete-continuation")
def _(peer):
    """CONTINUATION after CONTINUATION with END_HEADERS is a connection error."""
    block = peer.block(peer.target.request())
    peer.send(frame(HEADERS, 0, 1, block[:1]), frame(CONTINUATION, END_HEADERS, 1, block[1:]))
    peer.send(frame(CONTINUATION, END_HEADERS, 1, block))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.10/after-data")
def _(peer):
    """CONTINUATION after DATA is a connection error."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(DATA, 0, 1, b"test"))
    peer.send(frame(CONTINUATION, END_HEADERS, 1, peer.block(peer.target.request())))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("7/goaway-unknown-code")
def _(peer):
    """An unknown error code in GOAWAY is nothing special."""
    peer.send(wire.goaway(0, 0xFF))
    peer.send(frame(PING, payload=b"liveness"))
    try:
        answer = peer.read_until(lambda f: f.kind in (PING, GOAWAY))
    except wire.Closed:
        return
    assert answer.kind == PING or answer.code == wire.NO_ERROR, f"got {answer}"


@clause("7/rst-stream-unknown-code")
def _(peer):
    """An unknown error code in RST_STREAM is nothing special."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.rst_stream(1, 0xFF))
    peer.expect_ping_answer()
