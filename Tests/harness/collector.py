"""A collector of traces, as far as OTLP over HTTP in JSON goes."""

import gzip
import http.server
import json
import threading

from . import processes


class Collector:
    """Takes spans on loopback; `answers` are the statuses of the first requests, then 200."""

    def __init__(self, answers=()):
        self.spans = []
        # The header fields and the resource of each request that was taken.
        self.requests = []
        answers = list(answers)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                status = answers.pop(0) if answers else 200
                if status == 200:
                    outer.take(self.path, dict(self.headers), json.loads(body))
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path, headers, body):
        """Notes the spans of a request, each with the service that it is of."""
        assert path == "/v1/traces" and headers["Content-Type"] == "application/json", (path, headers)
        for resource in body["resourceSpans"]:
            attributes = values(resource["resource"]["attributes"])
            for scope in resource["scopeSpans"]:
                self.spans += [span | {"service": attributes["service.name"]} for span in scope["spans"]]
        self.requests.append(headers)

    def trace(self, trace_id):
        """The spans of a trace, by their ids."""
        return {span["spanId"]: span for span in list(self.spans) if span["traceId"] == trace_id}

    def wait_for(self, trace_id, is_whole, seconds=20):
        """Waits until a trace is whole; gives its spans."""
        return processes.poll(
            lambda: is_whole(spans := self.trace(trace_id)) and spans, seconds, f"trace {trace_id} is whole"
        )

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def values(attributes):
    """OTLP's attributes as a dictionary."""
    found = {}
    for attribute in attributes:
        value = attribute["value"]
        found[attribute["key"]] = int(value["intValue"]) if "intValue" in value else value["stringValue"]
    return found
