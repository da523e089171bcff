"""A cable between a process and Postgres that can be cut and mended: another socket in a folder of its own."""

import contextlib
import os
import socket
import tempfile
import threading


class Relay:
    """Passes on what is said at `folder`, which has a socket of the same name as `target`, a socket's path."""

    def __init__(self, target):
        self._target = str(target)
        # Not the test's own folder: the path of a socket has little room.
        self._temporary = tempfile.TemporaryDirectory(prefix="relay")
        self.folder = self._temporary.name
        self._path = os.path.join(self.folder, os.path.basename(self._target))
        self._lock = threading.Lock()
        self._open = set()
        self._listener = None
        self.mend()

    def mend(self):
        """Takes connections, again."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self):
        """Ends all connections, and takes none any more."""
        os.unlink(self._path)
        # This wakes who waits in accept(), which closing alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        with listener, contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                with self._lock:
                    self._open |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.cut()
        self._temporary.cleanup()
