"""RFC 7541: every representation is read, and what cannot be decoded ends the connection."""

from harness import wire
from harness.wire import COMPRESSION_ERROR, END_HEADERS, END_STREAM, HEADERS, frame

from .table import clause

WHOLE = END_HEADERS | END_STREAM

# The default dynamic table, RFC 9113 section 6.5.2, where a server announces no other.
DEFAULT_TABLE_BYTES = 4096


def integer(value, prefix_bits, pattern=0):
    """An integer in HPACK's form (section 5.1); `pattern` fills the bits before the prefix."""
    largest = (1 << prefix_bits) - 1
    if value < largest:
        return bytes([pattern | value])
    out, value = bytearray([pattern | largest]), value - largest
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def table_size(size):
    """A dynamic table size update (section 6.3)."""
    return integer(size, 5, 0x20)


def announced(peer):
    """The table size the server allows."""
    return peer.server_settings.get(wire.HEADER_TABLE_SIZE, DEFAULT_TABLE_BYTES)


def accepted(identifier, rule, extra):
    """A clause: a request with these octets in its block, at the end, is answered; twice, so that
    what it left in the dynamic table is seen to be right."""

    def check(peer):
        block = peer.block(peer.target.request())
        peer.send(frame(HEADERS, WHOLE, 1, block + extra))
        peer.expect_response(1)
        peer.send(frame(HEADERS, WHOLE, 3, extra_again(peer, extra)))
        peer.expect_response(3)

    def extra_again(peer, extra):
        # Plain literals without a table, whatever state the extra octets left it in.
        plain = b"".join(literal(n.encode(), v.encode()) for n, v in peer.target.request())
        return plain + extra

    check.__doc__ = rule
    clause(identifier)(check)


def literal(name, value):
    """A literal field without indexing (section 6.2.2)."""
    return b"\x00" + integer(len(name), 7) + name + integer(len(value), 7) + value


def refused(identifier, rule, octets):
    """A clause: a block of the request and then these octets is a COMPRESSION_ERROR."""

    def check(peer):
        tail = octets(peer) if callable(octets) else octets
        peer.send(frame(HEADERS, WHOLE, 1, peer.block(peer.target.request()) + tail))
        peer.expect_connection_error(COMPRESSION_ERROR)

    check.__doc__ = rule
    clause(identifier)(check)


for identifier, rule, extra in [
    ("hpack/6.1/static", "An indexed field of the static table", b"\x90"),
    ("hpack/6.2.1/indexed-name", "Literal with indexing, name by index", b"\x7a\x03a/b"),
    ("hpack/6.2.1/new-name", "Literal with indexing, new name", b"\x40\x06x-test\x02ok"),
    ("hpack/6.2.2/indexed-name", "Literal without indexing, name by index", b"\x0f\x2b\x03a/b"),
    ("hpack/6.2.2/new-name", "Literal without indexing, new name", b"\x00\x06x-test\x02ok"),
    ("hpack/6.2.3/indexed-name", "Literal never indexed, name by index", b"\x1f\x2b\x03a/b"),
    ("hpack/6.2.3/new-name", "Literal never indexed, new name", b"\x10\x06x-test\x02ok"),
    # "custom-value" of RFC 7541 C.4.3.
    (
        "hpack/5.2/huffman",
        "A Huffman-coded value",
        b"\x00\x06x-test\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf",
    ),
    ("hpack/5.2/empty-value", "An empty value", b"\x00\x06x-test\x00"),
]:
    accepted(identifier, rule, extra)


@clause("hpack/6.3/update-at-start")
def _(peer):
    """A size update at the start of a block is followed, down to zero and up again."""
    peer.send(frame(HEADERS, WHOLE, 1, table_size(128) + peer.block(peer.target.request())))
    peer.expect_response(1)
    plain = b"".join(literal(n.encode(), v.encode()) for n, v in peer.target.request())
    peer.send(frame(HEADERS, WHOLE, 3, table_size(0) + table_size(announced(peer)) + plain))
    peer.expect_response(3)


@clause("hpack/4.4/larger-than-the-table")
def _(peer):
    """An entry larger than the table empties it, and is no error."""
    size = announced(peer)
    if size > 8192:
        peer.send(frame(HEADERS, WHOLE, 1, table_size(1024) + peer.block(peer.target.request())))
        peer.expect_response(1)
        size = 1024
    plain = b"".join(literal(n.encode(), v.encode()) for n, v in peer.target.request())
    value = b"v" * size
    large = b"\x40\x06x-test" + integer(len(value), 7) + value
    peer.send(frame(HEADERS, WHOLE, 3, plain + large))
    peer.expect_response(3)
    # The first dynamic index now names nothing.
    peer.send(frame(HEADERS, WHOLE, 5, plain + b"\xbe"))
    peer.expect_connection_error(COMPRESSION_ERROR)


@clause("hpack/2.3.2/dynamic-entry")
def _(peer):
    """An entry put into the dynamic table can be used by the next request."""
    peer.send(frame(HEADERS, WHOLE, 1, peer.block(peer.target.request())))
    peer.expect_response(1)
    second = peer.block(peer.target.request())
    assert len(second) < 4 * len(peer.target.headers), "the encoder did not use its table"
    peer.send(frame(HEADERS, WHOLE, 3, second))
    peer.expect_response(3)


@clause("hpack/2.3.3/eviction")
def _(peer):
    """What was evicted cannot be named any more."""
    fields = b"".join(literal(n.encode(), v.encode()) for n, v in peer.target.request())
    entry = b"\x40\x06x-test\x02ok"
    peer.send(frame(HEADERS, WHOLE, 1, fields + entry + b"\xbe"))
    peer.expect_response(1)
    peer.send(frame(HEADERS, WHOLE, 3, table_size(0) + fields + b"\xbe"))
    peer.expect_connection_error(COMPRESSION_ERROR)


for identifier, rule, octets in [
    ("hpack/2.3.3/index-too-large", "No index beyond both tables", integer(4000, 7, 0x80)),
    (
        "hpack/2.3.3/name-index-too-large",
        "No index of a name beyond both tables",
        integer(4000, 6, 0x40) + b"\x02ok",
    ),
    ("hpack/4.2/update-at-the-end", "A size update only starts a block", table_size(1)),
    ("hpack/4.2/update-before-a-field", "Nor may it stand between fields", table_size(1) + b"\x90"),
    (
        "hpack/5.1/integer-overflow",
        "An integer beyond all limits",
        b"\xff" + b"\xff" * 12 + b"\x7f",
    ),
    ("hpack/5.1/integer-cut-short", "An integer that does not end", b"\xff\xff"),
    (
        "hpack/5.2/padding-of-eight-bits",
        "Huffman padding is shorter than 8 bits",
        b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff",
    ),
    (
        "hpack/5.2/padding-of-zeros",
        "Huffman padding is made of ones",
        b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90",
    ),
    (
        "hpack/5.2/end-of-string-symbol",
        "The symbol EOS is never written",
        b"\x00\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f",
    ),
    ("hpack/5.2/string-cut-short", "A string as long as it says", b"\x00\x06x-te"),
    ("hpack/6.1/index-zero", "Index 0 is not used", b"\x80"),
]:
    refused(identifier, rule, octets)


@clause("hpack/6.3/update-too-large")
def _(peer):
    """A size update stays within what the server announced."""
    fields = peer.block(peer.target.request())
    peer.send(frame(HEADERS, WHOLE, 1, table_size(announced(peer) + 1) + fields))
    peer.expect_connection_error(COMPRESSION_ERROR)


@clause("hpack/4.2/table-announced", own_settings=((wire.HEADER_TABLE_SIZE, 0),))
def _(peer):
    """A client that allows no dynamic table gets none."""
    peer.decoder.max_allowed_table_size = 0
    peer.send_request(1)
    peer.expect_response(1)
    peer.send_request(3)
    peer.expect_response(3)


@clause("10.5.1/header-list-too-large")
def _(peer):
    """A field section far over the limit is answered 431 (in RPC RESOURCE_EXHAUSTED) or refused."""
    fields = [*peer.target.request(), *((f"x-{n}", "v" * 1000) for n in range(60))]
    block = peer.block(fields)
    pieces = [block[at : at + 16000] for at in range(0, len(block), 16000)]
    peer.send(frame(HEADERS, END_STREAM, 1, pieces[0]))
    for piece in pieces[1:-1]:
        peer.send(frame(wire.CONTINUATION, 0, 1, piece))
    peer.send(frame(wire.CONTINUATION, END_HEADERS, 1, pieces[-1]))
    try:
        got = peer.read_until(lambda f: f.kind in (HEADERS, wire.RST_STREAM, wire.GOAWAY))
    except wire.Closed:
        return
    if got.kind == HEADERS:
        answer = dict(got.fields)
        refused = answer[":status"] == "431" or answer.get("grpc-status") == "8"
        assert refused, f"answered {answer}"
    else:
        assert got.code != wire.NO_ERROR, f"got {got}"
