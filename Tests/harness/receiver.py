"""A receiver of webhooks on this machine: remembers what came, and answers as a test wants it."""

import contextlib
import hmac
import json
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import processes

# An address where nobody listens: deliveries to it fail at once and are tried again.
NOBODY = "http://127.0.0.1:47999/hook"


class Delivery:
    """One request that came."""

    def __init__(self, headers, body):
        self.headers = headers
        self.body = body
        self.at = time.monotonic()
        self.event = json.loads(body)

    @property
    def id(self):
        return self.event["id"]


class Receiver:
    """Takes deliveries on a port of its own.

    `answer` is called with each delivery and gives a status, "hang" (no answer while the receiver lives) or
    "reset" (the connection is cut). With the files of a certificate and its key it speaks TLS.
    """

    def __init__(self, answer=lambda delivery: 204, certificate=None):
        self.answer = answer
        self.deliveries = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                delivery = Delivery({name.lower(): value for name, value in self.headers.items()}, body)
                with outer._lock:
                    outer.deliveries.append(delivery)
                answer = outer.answer(delivery)
                if answer == "hang":
                    outer._ending.wait()
                    self.close_connection = True
                    return
                if answer == "reset":
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.close_connection = True
                    return
                self.send_response(answer)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self._server = Server(("127.0.0.1", 0), Handler)
        self._origin = f"http://127.0.0.1:{self._server.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._origin = f"https://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"{self._origin}/hook"

    @property
    def ids(self):
        with self._lock:
            return [delivery.id for delivery in self.deliveries]

    def wait_for(self, count, seconds=20):
        """The deliveries, once there are so many."""
        processes.poll(lambda: len(self.deliveries) >= count, seconds, f"{count} deliveries")
        return self.deliveries

    def close(self):
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def signature(secret, timestamp, body):
    """What a secret signs at a time, computed by hand."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, "sha256").hexdigest()


def is_signed(delivery, secret, suffix=""):
    """Whether a delivery has the signatures of a secret; those of the new one during an overlap have the suffix `-next`."""
    timed = signature(secret, delivery.headers["x-licentric-timestamp"], delivery.body)
    plain = hmac.new(secret.encode(), delivery.body, "sha256").hexdigest()
    return (
        hmac.compare_digest(timed, delivery.headers[f"x-licentric-signature{suffix}"])
        and hmac.compare_digest(plain, delivery.headers[f"x-licentric-signature-body{suffix}"])
    )


@contextlib.contextmanager
def webhook(api, url, **fields):
    """A webhook, deleted afterwards."""
    made = register(api, url, **fields)
    try:
        yield made
    finally:
        api.send("DELETE", f"/webhooks/{made['id']}")


def register(api, url, **fields):
    """A webhook; when there are as many as there may be, the others are deleted first."""
    response = api.post("/webhooks", {"url": url, **fields})
    if response.status_code == 422:
        page = api.get("/webhooks", params={"limit": 100}).json()["data"]
        for one in page:
            api.send("DELETE", f"/webhooks/{one['id']}")
        response = api.post("/webhooks", {"url": url, **fields})
    assert response.status_code == 201, response.text
    return response.json()["data"]
