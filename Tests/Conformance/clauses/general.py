"""What a server must accept and answer: every frame type, every header representation."""

import struct

from harness import wire
from harness.wire import ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PRIORITIZED, frame

from .table import clause


@clause("3.4/preface", handshake=False)
def _(peer):
    """The server's preface is a SETTINGS frame, the first it sends."""
    peer.send(wire.PREFACE, wire.settings())
    first = peer.read()
    assert first.kind == wire.SETTINGS and not first.has(ACK), f"first came {first}"


@clause("3.4/request-before-settings-ack", handshake=False)
def _(peer):
    """A client may send requests at once, before it has seen the server's preface."""
    peer.send(wire.PREFACE, wire.settings())
    peer.send_request(1)
    peer.expect_response(1)


@clause("5.1/idle-priority")
def _(peer):
    """PRIORITY may come on an idle stream."""
    peer.send(frame(wire.PRIORITY, stream=1, payload=struct.pack(">IB", 0, 255)))
    peer.expect_ping_answer()


@clause("5.1/half-closed-remote-window-update")
def _(peer):
    """WINDOW_UPDATE may come after END_STREAM."""
    peer.send_request(1)
    peer.send(wire.window_update(1, 100))
    peer.expect_response(1)


@clause("5.1/half-closed-remote-priority")
def _(peer):
    """PRIORITY may come after END_STREAM."""
    peer.send_request(1)
    peer.send(frame(wire.PRIORITY, stream=1, payload=struct.pack(">IB", 0, 255)))
    peer.expect_response(1)


@clause("5.1/half-closed-remote-rst-stream")
def _(peer):
    """RST_STREAM may come after END_STREAM."""
    peer.send_request(1)
    peer.send(wire.rst_stream(1))
    peer.send_request(3)
    peer.expect_response(3)


@clause("5.1/closed-priority")
def _(peer):
    """PRIORITY may come on a closed stream."""
    peer.send_request(1)
    peer.expect_response(1)
    peer.send(frame(wire.PRIORITY, stream=1, payload=struct.pack(">IB", 0, 255)))
    peer.expect_ping_answer()


@clause("5.1/closed-window-update")
def _(peer):
    """WINDOW_UPDATE may come for a short time after the server's END_STREAM."""
    peer.send_request(1)
    peer.expect_response(1)
    peer.send(wire.window_update(1, 100))
    peer.expect_ping_answer()


@clause("6.1/data")
def _(peer):
    """A body in one DATA frame."""
    peer.send_request(1)
    peer.expect_response(1)


@clause("6.1/data-in-pieces")
def _(peer):
    """A body in several DATA frames, empty ones among them."""
    body = peer.target.body
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(
        frame(DATA, 0, 1, body[:2]),
        frame(DATA, 0, 1, b""),
        frame(DATA, 0, 1, body[2:]),
        frame(DATA, END_STREAM, 1, b""),
    )
    peer.expect_response(1)


@clause("6.1/data-padded")
def _(peer):
    """Padding is taken off."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(DATA, END_STREAM | PADDED, 1, b"\x05" + peer.target.body + bytes(5)))
    peer.expect_response(1)


@clause("6.1/data-only-padding")
def _(peer):
    """A frame may be padding alone."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(DATA, PADDED, 1, b"\x05" + bytes(5)))
    peer.send(frame(DATA, END_STREAM, 1, peer.target.body))
    peer.expect_response(1)


@clause("6.2/headers-padded")
def _(peer):
    """Padding of HEADERS is taken off."""
    block = peer.block(peer.target.request())
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, b"\x08" + block + bytes(8)))
    peer.expect_response(1)


@clause("6.2/headers-with-priority")
def _(peer):
    """The deprecated priority fields are read over."""
    block = peer.block(peer.target.request())
    priority = struct.pack(">IB", 0x80000000, 15)
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 1, priority + block))
    peer.expect_response(1)


@clause("6.3/priority-exclusive")
def _(peer):
    """PRIORITY with the exclusive bit and a dependency on an unknown stream is ignored."""
    peer.send(frame(wire.PRIORITY, stream=3, payload=struct.pack(">IB", 0x80000001, 200)))
    peer.send_request(5)
    peer.expect_response(5)


@clause("6.4/rst-stream")
def _(peer):
    """A stream may be cancelled in the middle of its body; the next one is answered."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.rst_stream(1))
    peer.send_request(3)
    peer.expect_response(3)


@clause("6.5/settings-several")
def _(peer):
    """Several parameters in one frame are acknowledged once."""
    peer.send(wire.settings((wire.INITIAL_WINDOW_SIZE, 100), (wire.MAX_FRAME_SIZE, 20000)))
    answer = peer.read_until(lambda f: f.kind == wire.SETTINGS)
    assert answer.has(ACK) and not answer.payload
    peer.expect_ping_answer()


@clause("6.8/goaway-by-client")
def _(peer):
    """A client that says GOAWAY still gets the answers it waits for."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.goaway(), frame(DATA, END_STREAM, 1, peer.target.body))
    try:
        peer.expect_response(1)
    except AssertionError as error:
        # A server may close gracefully in turn, with GOAWAY NO_ERROR around the answer.
        if "code 0" not in str(error):
            raise
        peer.expect_response(1)


@clause("6.9/window-update")
def _(peer):
    """Windows of the connection and of a stream may be enlarged."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(wire.window_update(0, 1), wire.window_update(1, 1))
    peer.send(frame(DATA, END_STREAM, 1, peer.target.body))
    peer.expect_response(1)


@clause("6.10/continuation")
def _(peer):
    """A field block may be cut in two."""
    block = peer.block(peer.target.request())
    peer.send(frame(HEADERS, END_STREAM, 1, block[:3]))
    peer.send(frame(wire.CONTINUATION, END_HEADERS, 1, block[3:]))
    peer.expect_response(1)


@clause("6.10/continuations")
def _(peer):
    """A field block may be cut in several pieces, at any byte."""
    block = peer.block(peer.target.request())
    third = max(1, len(block) // 3)
    peer.send(frame(HEADERS, END_STREAM, 1, block[:1]))
    peer.send(frame(wire.CONTINUATION, 0, 1, block[1:third]))
    peer.send(frame(wire.CONTINUATION, 0, 1, b""))
    peer.send(frame(wire.CONTINUATION, END_HEADERS, 1, block[third:]))
    peer.expect_response(1)


@clause("8.1/head")
def _(peer):
    """HEAD is answered without a body."""
    peer.send_headers(1, peer.target.request(method="HEAD"))
    assert not peer.expect_response(1).body


@clause("8.1/trailers")
def _(peer):
    """A request may end with trailers."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send(frame(DATA, 0, 1, peer.target.body))
    peer.send_headers(1, [("x-checksum", "1")])
    peer.expect_response(1)


@clause("8.1/many-streams")
def _(peer):
    """Fifty requests at once are all answered."""
    streams = range(1, 101, 2)
    for stream in streams:
        peer.send_request(stream)
    ended = {}
    while len(ended) < len(streams):
        received = peer.read()
        assert received.kind not in (wire.RST_STREAM, wire.GOAWAY), f"got {received}"
        if received.kind in (DATA, HEADERS) and received.has(END_STREAM):
            ended[received.stream] = True
    assert set(ended) == set(streams)
