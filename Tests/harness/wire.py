"""An HTTP/2 peer that says exactly what a test wants said, right or wrong (RFC 9113)."""

import dataclasses
import functools
import socket
import ssl
import struct
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Frame types, RFC 9113 section 6.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9
NAMES = (
    "DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION"
).split()

# Flags; ACK shares its bit with END_STREAM.
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20

# Error codes, section 7.
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT = 0, 1, 2, 3, 4
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = 5, 6, 7, 8, 9
ENHANCE_YOUR_CALM = 11

# Settings, section 6.5.2.
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS = 1, 2, 3
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 4, 5, 6

# How long a server may take to react: far more than it needs, so that a busy machine fails nothing.
PATIENCE_SECONDS = 8.0


@dataclasses.dataclass(frozen=True)
class Target:
    """A server under test, a request it answers with a body of at least seven bytes, and one with
    a large answer (in RPC a message that may be repeated on its stream)."""

    name: str
    port: int
    headers: tuple
    body: bytes
    large_headers: tuple
    large_body: bytes = b""
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    server_name: str = "localhost"
    pid: int | None = None

    def connect_plain(self, seconds=PATIENCE_SECONDS):
        """A TCP connection and no more."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain

    def connect(self, seconds=PATIENCE_SECONDS, protocol="h2"):
        """A connected socket, after the TLS handshake where the target speaks TLS."""
        plain = self.connect_plain(seconds)
        if self.ca_file is None:
            return plain
        context = _context(self.ca_file, self.certificate_file, self.key_file, protocol)
        return context.wrap_socket(plain, server_hostname=self.server_name)

    def request(self, *extra, without=(), **replaced):
        """The request's fields; `replaced` names pseudo fields without their colon."""
        fields = [(name, replaced.get(name[1:], value)) for name, value in self.headers]
        return [field for field in fields if field[0] not in without] + list(extra)


@functools.cache
def _context(ca_file, certificate_file, key_file, protocol):
    context = ssl.create_default_context(cafile=ca_file)
    if certificate_file:
        context.load_cert_chain(certificate_file, key_file)
    context.set_alpn_protocols([protocol])
    return context


def rpc_target(name, port, server_name="localhost", pid=None, **files):
    """A gRPC server as a target: a health check of the whole server, and as the large answer the
    descriptors that reflection gives for its own service."""

    def headers(path):
        return (
            (":method", "POST"),
            (":scheme", "https" if files else "http"),
            (":path", path),
            (":authority", f"{server_name}:{port}"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        )

    symbol = b"grpc.reflection.v1.ServerReflection"
    question = b"\x22" + bytes([len(symbol)]) + symbol  # file_containing_symbol
    return Target(
        name=name,
        port=port,
        headers=headers("/grpc.health.v1.Health/Check"),
        body=bytes(5),
        large_headers=headers("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
        large_body=struct.pack(">BI", 0, len(question)) + question,
        server_name=server_name,
        pid=pid,
        **files,
    )


class Frame:
    """One received frame."""

    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload
        self.fields = []  # of HEADERS, once its whole field block is there

    def has(self, flag):
        return bool(self.flags & flag)

    def __repr__(self):
        name = NAMES[self.kind] if self.kind < len(NAMES) else f"type {self.kind}"
        detail = ""
        if self.kind in (RST_STREAM, GOAWAY):
            detail = f" code {self.code}"
        return f"<{name} stream {self.stream} flags {self.flags:#x} {len(self.payload)} bytes{detail}>"

    @property
    def code(self):
        """The error code of a RST_STREAM or GOAWAY frame."""
        return struct.unpack(">I", self.payload[:4] if self.kind == RST_STREAM else self.payload[4:8])[0]

    @property
    def settings(self):
        """The identifiers and values of a SETTINGS frame."""
        return [struct.unpack_from(">HI", self.payload, at) for at in range(0, len(self.payload), 6)]


@dataclasses.dataclass
class Response:
    """An answer read to its end; `data_frames` keeps how the body was cut."""

    headers: list
    data_frames: list
    trailers: list

    @property
    def body(self):
        return b"".join(self.data_frames)

    @property
    def status(self):
        return dict(self.headers)[":status"]


class Closed(Exception):
    """The server ended the connection."""


class Silent(AssertionError):
    """The server said nothing in time."""


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """Bytes of a frame; `length` lies about the payload's size."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs):
    """Bytes of a SETTINGS frame."""
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, stream=stream, payload=struct.pack(">I", increment))


def rst_stream(stream, code=CANCEL):
    return frame(RST_STREAM, stream=stream, payload=struct.pack(">I", code))


def goaway(last=0, code=NO_ERROR, debug=b""):
    return frame(GOAWAY, payload=struct.pack(">II", last, code) + debug)


class Peer:
    """One connection. Sending never raises: what the server thinks of it is read afterwards."""

    def __init__(self, target, handshake=True, own_settings=()):
        self.target = target
        self.socket = target.connect()
        self.decoder = hpack.Decoder()
        self.encoder = hpack.Encoder()
        self.server_settings = {}
        self.seen = []
        self._input = b""
        if handshake:
            self.handshake(*own_settings)

    def handshake(self, *pairs):
        """Preface and settings both ways, each acknowledged."""
        self.send(PREFACE + settings(*pairs))
        missing = {0, ACK}
        while missing:
            received = self.read()
            if received.kind == SETTINGS:
                missing.discard(received.flags & ACK)

    def send(self, *pieces):
        try:
            self.socket.sendall(b"".join(pieces))
        except (OSError, ssl.SSLError):
            pass  # The server has gone; reading tells how.

    def block(self, fields):
        """An HPACK field block, through this connection's dynamic table."""
        return self.encoder.encode([(name, value) for name, value in fields], huffman=False)

    def send_headers(self, stream, fields=None, flags=END_HEADERS | END_STREAM):
        fields = self.target.request() if fields is None else fields
        self.send(frame(HEADERS, flags, stream, self.block(fields)))

    def send_request(self, stream, fields=None, body=None):
        """HEADERS and, in one DATA frame, a body."""
        self.send_headers(stream, fields, END_HEADERS)
        self.send(frame(DATA, END_STREAM, stream, self.target.body if body is None else body))

    def read(self, seconds=PATIENCE_SECONDS):
        """The next frame; the server's SETTINGS are remembered and acknowledged on the way."""
        received = self._next_frame(time.monotonic() + seconds)
        self.seen.append(received)
        if received.kind == SETTINGS and not received.has(ACK):
            self.server_settings.update(received.settings)
            self.send(frame(SETTINGS, ACK))
        if received.kind == HEADERS:
            # Decoded always, wanted or not, or the dynamic table would go out of step.
            received.fields = self.decoder.decode(self._whole_block(received, seconds))
        return received

    def _whole_block(self, first, seconds):
        fragment, current = unpadded(first), first
        while not current.has(END_HEADERS):
            current = self._next_frame(time.monotonic() + seconds)
            assert current.kind == CONTINUATION, f"{current} within a field block"
            fragment += current.payload
        return fragment

    def _next_frame(self, deadline):
        while True:
            if len(self._input) >= 9:
                size = int.from_bytes(self._input[:3], "big")
                if len(self._input) >= 9 + size:
                    kind, flags, stream = struct.unpack(">BBI", self._input[3:9])
                    payload = self._input[9 : 9 + size]
                    self._input = self._input[9 + size :]
                    return Frame(kind, flags, stream & 0x7FFFFFFF, payload)
            left = deadline - time.monotonic()
            if left <= 0:
                raise Silent(f"nothing came; before that: {self.seen[-6:]}")
            self.socket.settimeout(left)
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                continue
            except (OSError, ssl.SSLError) as error:
                raise Closed(str(error)) from error
            if not piece:
                raise Closed("end of stream")
            self._input += piece

    def read_until(self, wanted, seconds=PATIENCE_SECONDS):
        """The first frame for which `wanted` is true; `Closed` when the connection ends before."""
        deadline = time.monotonic() + seconds
        while True:
            received = self.read(deadline - time.monotonic())
            if wanted(received):
                return received

    # Expectations. Each fails with what was seen instead.

    def expect_connection_error(self, *codes):
        """GOAWAY with one of `codes` and then the end, or at least the end (section 5.4.1)."""
        try:
            last = self.read_until(lambda f: f.kind == GOAWAY and f.code != NO_ERROR)
        except Closed:
            return
        assert last.code in codes, f"GOAWAY code {last.code}, not one of {codes}; saw {self.seen[-6:]}"
        self.expect_closed()

    def expect_closed(self, seconds=PATIENCE_SECONDS):
        """The connection ends."""
        try:
            self.read_until(lambda _: False, seconds)
        except Closed:
            pass

    def expect_stream_error(self, stream, *codes):
        """RST_STREAM with one of `codes`; a connection error will do (section 5.4.2)."""
        try:
            last = self.read_until(
                lambda f: (f.kind == RST_STREAM and f.stream == stream)
                or (f.kind == GOAWAY and f.code != NO_ERROR)
            )
        except Closed:
            return
        assert last.code in codes, f"{last} has not one of {codes}; saw {self.seen[-6:]}"

    def expect_malformed(self, stream):
        """A malformed message is a stream error PROTOCOL_ERROR and never reaches a handler (8.1.1)."""
        self.expect_stream_error(stream, PROTOCOL_ERROR)
        answered = [f for f in self.seen if f.kind == HEADERS and f.stream == stream]
        if answered:
            status = dict(answered[0].fields)[":status"]
            assert status.startswith("4"), f"answered {status} to a malformed request"

    def expect_ping_answer(self, token=b"liveness"):
        """The connection still works."""
        self.send(frame(PING, payload=token))
        answer = self.read_until(lambda f: f.kind in (PING, GOAWAY, RST_STREAM))
        assert answer.kind == PING and answer.has(ACK) and answer.payload == token, f"got {answer}"

    def expect_response(self, stream):
        """A whole answer on `stream`."""
        response, ended = Response([], [], []), False
        while not ended:
            received = self.read()
            assert received.kind != GOAWAY, f"instead of an answer: {received}"
            if received.stream != stream or received.kind not in (HEADERS, DATA, RST_STREAM):
                continue
            assert received.kind != RST_STREAM or received.code == NO_ERROR, f"got {received}"
            if received.kind == RST_STREAM:
                break
            ended = received.has(END_STREAM)
            if received.kind == DATA:
                response.data_frames.append(unpadded(received))
            else:
                (response.trailers if response.headers else response.headers).extend(received.fields)
        assert response.headers, f"no HEADERS; saw {self.seen[-6:]}"
        return response

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def unpadded(received):
    """A frame's content without padding and priority."""
    payload = received.payload
    if received.has(PADDED):
        payload = payload[1 : len(payload) - payload[0]]
    if received.kind == HEADERS and received.has(PRIORITIZED):
        payload = payload[5:]
    return payload
