"""Section 5.1 and 5.3: the states of a stream, identifiers, concurrency, dependencies."""

import struct

from harness import wire
from harness.wire import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PROTOCOL_ERROR,
    STREAM_CLOSED,
    frame,
)

from .table import clause


@clause("5.1/idle-data")
def _(peer):
    """DATA on an idle stream is a connection error."""
    peer.send(frame(DATA, END_STREAM, 1, b"test"))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("5.1/idle-rst-stream")
def _(peer):
    """RST_STREAM on an idle stream is a connection error."""
    peer.send(wire.rst_stream(1))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("5.1/idle-window-update")
def _(peer):
    """WINDOW_UPDATE on an idle stream is a connection error."""
    peer.send(wire.window_update(1, 100))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("5.1/idle-continuation")
def _(peer):
    """CONTINUATION on an idle stream is a connection error."""
    peer.send(frame(CONTINUATION, END_HEADERS, 1, peer.block(peer.target.request())))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("5.1/idle-push-promised-by-server")
def _(peer):
    """A client cannot speak on a stream that only the server may open."""
    peer.send(frame(DATA, END_STREAM, 2, b"test"))
    peer.expect_connection_error(PROTOCOL_ERROR)


def stalled(peer, stream=1):
    """A request whose answer waits for window, so that its stream stays half-closed (remote)."""
    peer.send_request(stream)
    return stream


@clause("5.1/half-closed-remote-data", own_settings=((wire.INITIAL_WINDOW_SIZE, 0),))
def _(peer):
    """DATA after END_STREAM is a STREAM_CLOSED error."""
    peer.send(frame(DATA, END_STREAM, stalled(peer), b"test"))
    peer.expect_stream_error(1, STREAM_CLOSED)


@clause("5.1/half-closed-remote-headers", own_settings=((wire.INITIAL_WINDOW_SIZE, 0),))
def _(peer):
    """HEADERS after END_STREAM is a STREAM_CLOSED error."""
    peer.send_headers(stalled(peer))
    peer.expect_stream_error(1, STREAM_CLOSED)


@clause("5.1/half-closed-remote-continuation", own_settings=((wire.INITIAL_WINDOW_SIZE, 0),))
def _(peer):
    """CONTINUATION after END_STREAM is an error."""
    stalled(peer)
    peer.send(frame(CONTINUATION, END_HEADERS, 1, peer.block(peer.target.request())))
    peer.expect_connection_error(STREAM_CLOSED, PROTOCOL_ERROR)


@clause("5.1/reset-data")
def _(peer):
    """DATA after one's own RST_STREAM is a STREAM_CLOSED error."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.rst_stream(1), frame(DATA, END_STREAM, 1, b"test"))
    peer.expect_stream_error(1, STREAM_CLOSED)


@clause("5.1/reset-headers")
def _(peer):
    """HEADERS after one's own RST_STREAM is a STREAM_CLOSED error."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.rst_stream(1))
    peer.send_headers(1)
    peer.expect_stream_error(1, STREAM_CLOSED)


@clause("5.1/reset-continuation")
def _(peer):
    """CONTINUATION after one's own RST_STREAM is an error."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.rst_stream(1))
    peer.send(frame(CONTINUATION, END_HEADERS, 1, peer.block(peer.target.request())))
    peer.expect_connection_error(STREAM_CLOSED, PROTOCOL_ERROR)


@clause("5.1/closed-data")
def _(peer):
    """DATA on a stream closed by both sides is a STREAM_CLOSED error."""
    peer.send_request(1)
    peer.expect_response(1)
    peer.send(frame(DATA, END_STREAM, 1, b"test"))
    peer.expect_stream_error(1, STREAM_CLOSED)


@clause("5.1/closed-headers")
def _(peer):
    """HEADERS on a stream closed by both sides is a connection error."""
    peer.send_request(1)
    peer.expect_response(1)
    peer.send_headers(1)
    peer.expect_connection_error(STREAM_CLOSED)


@clause("5.1/closed-continuation")
def _(peer):
    """CONTINUATION on a stream closed by both sides is an error."""
    peer.send_request(1)
    peer.expect_response(1)
    peer.send(frame(CONTINUATION, END_HEADERS, 1, peer.block(peer.target.request())))
    peer.expect_connection_error(STREAM_CLOSED, PROTOCOL_ERROR)


@clause("5.1.1/even-identifier")
def _(peer):
    """A client's streams have odd identifiers."""
    peer.send_headers(2)
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("5.1.1/smaller-identifier")
def _(peer):
    """A new stream's identifier is larger than all before."""
    peer.send_request(5)
    peer.expect_response(5)
    peer.send_headers(3)
    peer.expect_connection_error(PROTOCOL_ERROR, STREAM_CLOSED)


@clause("5.1.2/too-many-streams")
def _(peer):
    """Streams over SETTINGS_MAX_CONCURRENT_STREAMS are refused."""
    limit = peer.server_settings.get(wire.MAX_CONCURRENT_STREAMS)
    assert limit is not None and limit <= 4096, f"the server allows {limit} streams at once"
    last = 2 * limit + 1
    for stream in range(1, last + 1, 2):
        peer.send_headers(stream, flags=END_HEADERS)
    peer.expect_stream_error(last, PROTOCOL_ERROR, wire.REFUSED_STREAM)


@clause("5.3.1/headers-depends-on-itself")
def _(peer):
    """A stream that depends on itself: RFC 7540's stream error, or ignored since RFC 9113."""
    priority = struct.pack(">IB", 1, 255)
    block = peer.block(peer.target.request())
    flags = END_HEADERS | END_STREAM | wire.PRIORITIZED
    peer.send(frame(HEADERS, flags, 1, priority + block))
    got = peer.read_until(lambda f: f.kind in (HEADERS, wire.RST_STREAM, wire.GOAWAY))
    assert got.kind == HEADERS or got.code == PROTOCOL_ERROR, f"got {got}"


@clause("5.3.1/priority-depends-on-itself")
def _(peer):
    """The same by PRIORITY: an error or ignored, never a crash."""
    peer.send(frame(wire.PRIORITY, stream=1, payload=struct.pack(">IB", 1, 255)))
    peer.send(frame(wire.PING, payload=b"liveness"))
    got = peer.read_until(lambda f: f.kind in (wire.PING, wire.RST_STREAM, wire.GOAWAY))
    assert got.kind == wire.PING or got.code == PROTOCOL_ERROR, f"got {got}"
