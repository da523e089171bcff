"""nghttpd as a target: what shows that the clauses themselves are right."""

import contextlib

from . import processes, wire


@contextlib.contextmanager
def serve(folder):
    """A plaintext nghttpd on loopback that serves a few bytes at `/`."""
    (folder / "index.html").write_bytes(b"a page of some bytes\n")
    port = processes.free_port()
    arguments = ["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", folder, port]
    with processes.Server(arguments, folder / "nghttpd.log", port) as server:
        headers = (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "localhost"),
            ("user-agent", "conformance"),
        )
        yield wire.Target(
            name="reference",
            port=port,
            headers=headers,
            large_headers=headers,
            body=b"a body of some bytes",
            pid=server.pid,
        )
