"""A TCP proxy that breaks connections at the worst moment: after the request went through, before the answer."""

import contextlib
import selectors
import socket
import threading

# TLS sends nothing of its own after the handshake that is so long from the client: a request is longer.
# A POST of the SDK has more than 300 bytes of headers; a Finished message has fewer than 100.
REQUEST_BYTES_MIN = 250


class Proxy:
    """Forwards to a port on loopback; of each connection that it is told to break, it forwards the whole request,
    waits until the server has answered, and then closes both sides, with the answer unread."""

    def __init__(self, port):
        self.target = port
        self.breaks_left = 0
        self.broken = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._threads = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def break_next(self, count):
        """The answers to the next `count` requests never arrive."""
        self.breaks_left = count

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            thread.start()
            self._threads.append(thread)

    def _serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            selector = selectors.DefaultSelector()
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            is_doomed = False
            while True:
                for key, _ in selector.select():
                    try:
                        data = key.fileobj.recv(65536)
                    except OSError:
                        data = b""
                    if not data:
                        return
                    if key.fileobj is server and is_doomed:
                        self.broken += 1
                        return
                    key.data.sendall(data)
                    # The handshake's own large message, ClientHello, is record type 22 and not 23.
                    is_request = key.fileobj is client and data[0] == 23 and len(data) >= REQUEST_BYTES_MIN
                    if is_request and self.breaks_left > 0:
                        self.breaks_left -= 1
                        is_doomed = True

    def close(self):
        # A listener that is only closed leaves its thread in accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join(10)


@contextlib.contextmanager
def proxy(port):
    """A proxy in front of a port."""
    one = Proxy(port)
    try:
        yield one
    finally:
        one.close()
