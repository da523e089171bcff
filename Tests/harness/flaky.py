"""A proxy in front of the gateway that loses answers: the request goes through and is answered, and then the
connection to the client is cut."""

import contextlib
import http.server
import ssl
import threading

import httpx

# Of one connection only, or made anew by the proxy.
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host"}


class Proxy:
    """Has the gateway's own certificate, so that clients see no difference."""

    def __init__(self, deployment):
        self.answers_to_lose = 0
        # What the gateway said in the answers that were lost: their statuses.
        self.lost = []
        certificates = deployment.data_directory / "certificates"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "https.pem", certificates / "https.key")
        self._gateway = httpx.Client(base_url=deployment.url, verify=deployment.trust())
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self):
        return f"https://localhost:{self._server.server_address[1]}"

    def lose(self, count):
        """The answers to the next requests never arrive."""
        self.answers_to_lose = count

    def _handler(proxy):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                kept = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                answer = proxy._gateway.request(self.command, self.path, content=body, headers=kept)
                if proxy.answers_to_lose > 0:
                    proxy.answers_to_lose -= 1
                    proxy.lost.append(answer.status_code)
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_DELETE = forward

            def log_message(self, *_):
                pass

        return Handler

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._gateway.close()


@contextlib.contextmanager
def proxy(deployment):
    """A proxy in front of a deployment's gateway."""
    one = Proxy(deployment)
    try:
        yield one
    finally:
        one.close()
