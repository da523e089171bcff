"""Section 8: requests, their fields, and what makes them malformed."""

from harness.wire import DATA, END_HEADERS, END_STREAM, HEADERS, frame

from .table import clause


def refused(identifier, rule, fields):
    """A clause: the request that `fields` makes of the target is malformed."""

    def check(peer):
        peer.send_headers(1, fields(peer.target))
        peer.expect_malformed(1)

    check.__doc__ = rule
    clause(identifier)(check)


def refused_field(identifier, rule, name, value):
    """The same for a request with one more field, written as a literal of just these octets."""

    def check(peer):
        literal = b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
        block = peer.block(peer.target.request()) + literal
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
        peer.expect_malformed(1)

    check.__doc__ = rule
    clause(identifier)(check)


@clause("8.1/second-headers-without-end-stream")
def _(peer):
    """A second field section is trailers and ends the stream."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send_headers(1, [("x-trailer", "1")], END_HEADERS)
    peer.expect_malformed(1)


for identifier, rule, name, value in [
    ("8.2/upper-case", "Field names are lower case", b"X-TEST", b"ok"),
    ("8.2.1/name-space", "No blank in a field name", b"x test", b"ok"),
    ("8.2.1/name-control", "No control character in a field name", b"x\x01test", b"ok"),
    ("8.2.1/name-nul", "No NUL in a field name", b"x\x00test", b"ok"),
    ("8.2.1/name-delete", "No DEL in a field name", b"x\x7ftest", b"ok"),
    ("8.2.1/name-8-bit", "No octet above 127 in a field name", b"x\xc3\xa4", b"ok"),
    ("8.2.1/name-colon", "No colon inside a field name", b"x:test", b"ok"),
    ("8.2.1/name-empty", "A field name is not empty", b"", b"ok"),
    ("8.2.1/value-nul", "No NUL in a field value", b"x-test", b"o\x00k"),
    ("8.2.1/value-line-feed", "No LF in a field value", b"x-test", b"o\nk"),
    ("8.2.1/value-carriage-return", "No CR in a field value", b"x-test", b"o\rk"),
    ("8.2.2/connection", "Connection has no place in HTTP/2", b"connection", b"keep-alive"),
    ("8.2.2/keep-alive", "Keep-Alive has no place in HTTP/2", b"keep-alive", b"timeout=5"),
    ("8.2.2/proxy-connection", "Nor has Proxy-Connection", b"proxy-connection", b"keep-alive"),
    ("8.2.2/transfer-encoding", "Nor has Transfer-Encoding", b"transfer-encoding", b"chunked"),
    ("8.2.2/upgrade", "Nor has Upgrade", b"upgrade", b"h2c"),
    ("8.2.2/te", "TE says trailers or nothing", b"te", b"trailers, deflate"),
    ("8.3/unknown-pseudo-field", "Pseudo fields are the defined ones", b":test", b"ok"),
    ("8.3/response-pseudo-field", ":status has no place in a request", b":status", b"200"),
    ("8.3/pseudo-after-regular", "Pseudo fields come before all others", b":authority", b"a"),
    ("8.3.1/method-twice", "One :method", b":method", b"GET"),
    ("8.3.1/scheme-twice", "One :scheme", b":scheme", b"https"),
    ("8.3.1/path-twice", "One :path", b":path", b"/"),
    ("8.6/protocol-without-setting", ":protocol needs a setting we do not send", b":protocol", b"x"),
    ("8.1.1/content-length-not-a-number", "Content-Length is a number", b"content-length", b"1x"),
    ("8.1.1/content-length-negative", "Content-Length is not negative", b"content-length", b"-1"),
]:
    refused_field(identifier, rule, name, value)


@clause("8.2.1/value-leading-blank")
def _(peer):
    """A field value neither starts nor ends with white space: malformed, or trimmed."""
    block = peer.block(peer.target.request()) + b"\x00\x06x-test\x03 ok"
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
    got = peer.read_until(lambda f: f.stream == 1 or f.kind == 7)
    assert got.kind in (HEADERS, 3, 7), f"got {got}"


for identifier, rule, fields in [
    ("8.3.1/no-method", ":method is required", lambda t: t.request(without=(":method",))),
    ("8.3.1/no-scheme", ":scheme is required", lambda t: t.request(without=(":scheme",))),
    ("8.3.1/no-path", ":path is required", lambda t: t.request(without=(":path",))),
    ("8.3.1/empty-path", ":path is not empty", lambda t: t.request(path="")),
    ("8.3.1/path-without-slash", ":path starts with a slash", lambda t: t.request(path="x/y")),
    ("8.3.1/method-not-a-token", ":method is a token", lambda t: t.request(method="GE T")),
    (
        "8.3.1/pseudo-twice-in-front",
        "No pseudo field twice, even before all others",
        lambda t: [(":method", "GET"), *t.request()],
    ),
    (
        "8.3/pseudo-between-regular",
        "No pseudo field after the first regular one",
        lambda t: [("x-first", "1"), *t.request()],
    ),
    (
        "8.5/connect-with-path",
        "CONNECT has neither :scheme nor :path",
        lambda t: t.request(method="CONNECT"),
    ),
]:
    refused(identifier, rule, fields)


@clause("8.1/pseudo-in-trailers")
def _(peer):
    """No pseudo field in trailers."""
    peer.send_headers(1, flags=END_HEADERS)
    peer.send_headers(1, [(":method", "GET")])
    peer.expect_malformed(1)


def with_length(peer, length):
    """Opens a stream that declares `length` octets."""
    fields = [f for f in peer.target.request() if f[0] != "content-length"]
    peer.send_headers(1, [*fields, ("content-length", str(length))], END_HEADERS)


@clause("8.1.1/content-length-too-large")
def _(peer):
    """A body shorter than its content-length is malformed."""
    with_length(peer, len(peer.target.body) + 1)
    peer.send(frame(DATA, END_STREAM, 1, peer.target.body))
    peer.expect_malformed(1)


@clause("8.1.1/content-length-too-small")
def _(peer):
    """A body longer than its content-length is malformed."""
    with_length(peer, 1)
    peer.send(frame(DATA, END_STREAM, 1, peer.target.body))
    peer.expect_malformed(1)


@clause("8.1.1/content-length-too-small-in-pieces")
def _(peer):
    """The same when the body comes in several frames."""
    with_length(peer, len(peer.target.body))
    peer.send(frame(DATA, 0, 1, peer.target.body), frame(DATA, END_STREAM, 1, b"+"))
    peer.expect_malformed(1)


@clause("8.1.1/content-length-without-body")
def _(peer):
    """END_STREAM on HEADERS with a content-length other than 0 is malformed."""
    fields = [f for f in peer.target.request() if f[0] != "content-length"]
    peer.send_headers(1, [*fields, ("content-length", "5")])
    peer.expect_malformed(1)


@clause("8.1.1/two-content-lengths")
def _(peer):
    """Two different content-lengths are malformed."""
    fields = [f for f in peer.target.request() if f[0] != "content-length"]
    peer.send_headers(1, [*fields, ("content-length", "0"), ("content-length", "5")])
    peer.expect_malformed(1)


@clause("8.2/connection-survives-malformed")
def _(peer):
    """A malformed request costs its stream only: the next one is answered."""
    peer.send_headers(1, peer.target.request(without=(":method",)))
    peer.expect_malformed(1)
    peer.send_request(3)
    peer.expect_response(3)
