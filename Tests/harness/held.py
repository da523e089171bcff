"""A request of which half is sent, so that a gateway has something under way for as long as a test wants."""

import http.client
import json
import re
import socket

import httpx

from . import processes


class Request:
    """Asks a replica of the gateway whether a license may be used, on an HTTP/1.1 connection of its own."""

    def __init__(self, gateway, key="LIC-0000-0000-0000-0000"):
        body = json.dumps({"key": key}).encode()
        head = (
            "POST /api/v1/licenses/validate-key HTTP/1.1\r\nhost: localhost\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        half = len(body) // 2
        self.rest = body[half:]
        plain = socket.create_connection(("127.0.0.1", gateway.public_port), timeout=30)
        context = gateway.deployment.trust(alpn=["http/1.1"])
        self.connection = context.wrap_socket(plain, server_hostname="localhost")
        self.connection.sendall(head.encode() + body[:half])
        metrics = f"http://127.0.0.1:{gateway.metrics_port}/metrics"

        def is_under_way():
            text = httpx.get(metrics, timeout=10).text
            found = re.findall(r"^latchkey_http_requests_in_flight(?:{[^}]*})? (\S+)$", text, re.M)
            return sum(map(float, found)) > 0

        processes.poll(is_under_way, 20, "the request is under way")

    def finish(self):
        """Sends the rest; gives the status and the body of the answer."""
        self.connection.sendall(self.rest)
        answer = http.client.HTTPResponse(self.connection)
        answer.begin()
        return answer.status, json.loads(answer.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
