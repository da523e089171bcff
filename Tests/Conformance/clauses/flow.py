"""Section 6.9: flow control."""

import struct

from harness import wire
from harness.wire import (
    DATA,
    END_HEADERS,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    PROTOCOL_ERROR,
    WINDOW_UPDATE,
    frame,
)

from .table import clause

LARGEST = (1 << 31) - 1


@clause("6.9/connection-increment-zero")
def _(peer):
    """An increment of zero on the connection is a connection error."""
    peer.send(wire.window_update(0, 0))
    peer.expect_connection_error(PROTOCOL_ERROR)


@clause("6.9/stream-increment-zero")
def _(peer):
    """An increment of zero on a stream is a stream error."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.window_update(1, 0))
    peer.expect_stream_error(1, PROTOCOL_ERROR)


@clause("6.9/length")
def _(peer):
    """WINDOW_UPDATE has four octets."""
    peer.send(frame(WINDOW_UPDATE, payload=bytes(3)))
    peer.expect_connection_error(FRAME_SIZE_ERROR)


@clause("6.9/reserved-bit")
def _(peer):
    """The reserved bit of the increment is ignored."""
    peer.send(frame(WINDOW_UPDATE, payload=struct.pack(">I", 0x80000001)))
    peer.expect_ping_answer()


@clause("6.9.1/window-kept", own_settings=((wire.INITIAL_WINDOW_SIZE, 1),))
def _(peer):
    """No more is sent than the stream's window allows."""
    peer.send_request(1)
    first = peer.read_until(lambda f: f.kind == DATA)
    assert len(first.payload) == 1, f"got {first}"
    peer.expect_ping_answer()
    assert sum(len(seen.payload) for seen in peer.seen if seen.kind == DATA) == 1


@clause("6.9.1/connection-window-overflow")
def _(peer):
    """A connection window over 2^31-1 is a FLOW_CONTROL_ERROR."""
    peer.send(wire.window_update(0, LARGEST), wire.window_update(0, LARGEST))
    peer.expect_connection_error(FLOW_CONTROL_ERROR)


@clause("6.9.1/stream-window-overflow")
def _(peer):
    """A stream window over 2^31-1 is a FLOW_CONTROL_ERROR."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.window_update(1, LARGEST), wire.window_update(1, LARGEST))
    peer.expect_stream_error(1, FLOW_CONTROL_ERROR)


@clause("6.9.2/window-changed-later", own_settings=((wire.INITIAL_WINDOW_SIZE, 0),))
def _(peer):
    """A change of the initial size applies to streams that are open."""
    peer.send_request(1)
    peer.expect_ping_answer()
    assert all(seen.kind != DATA for seen in peer.seen)
    peer.send(wire.settings((wire.INITIAL_WINDOW_SIZE, 1)))
    first = peer.read_until(lambda f: f.kind == DATA)
    assert len(first.payload) == 1, f"got {first}"


@clause("6.9.2/negative-window", own_settings=((wire.INITIAL_WINDOW_SIZE, 3),))
def _(peer):
    """A window may become negative, and is counted on from there."""
    peer.send_request(1)
    assert len(peer.read_until(lambda f: f.kind == DATA).payload) == 3
    peer.send(wire.settings((wire.INITIAL_WINDOW_SIZE, 2)))
    peer.read_until(lambda f: f.kind == wire.SETTINGS and f.has(wire.ACK))
    peer.send(wire.window_update(1, 1))
    peer.expect_ping_answer()
    assert sum(len(seen.payload) for seen in peer.seen if seen.kind == DATA) == 3
    peer.send(wire.window_update(1, 1))
    assert len(peer.read_until(lambda f: f.kind == DATA).payload) == 1


@clause("6.9.2/window-overflow-by-settings")
def _(peer):
    """A change that takes a stream's window over 2^31-1 is a FLOW_CONTROL_ERROR."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.window_update(1, LARGEST - 65535))
    peer.send(wire.settings((wire.INITIAL_WINDOW_SIZE, 65536)))
    peer.expect_stream_error(1, FLOW_CONTROL_ERROR)
