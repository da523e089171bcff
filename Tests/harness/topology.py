"""More processes of a service beside those of `latchkey up`, as a deployment on several machines has them."""

import contextlib
import pathlib

import httpx

from . import processes

# A service's health is asked by whoever calls it; here its listening is enough, since callers retry.
START_SECONDS = 30


def settings_of(deployment, service):
    """The settings of a service under `latchkey up`, for another process of it.

    They are read from the running process, so that no knowledge of them is written twice. The lifeline is left out: the
    test ends the process, not `latchkey up`.
    """
    text = pathlib.Path(f"/proc/{deployment.pid(service)}/environ").read_text()
    settings = dict(entry.split("=", 1) for entry in text.split("\0") if entry)
    del settings["LATCHKEY_LIFELINE_FD"]
    return settings


class Replica:
    """One more process of a service, with the settings of the one under `latchkey up` and ports of its own."""

    def __init__(self, deployment, service, **settings):
        self.deployment, self.service = deployment, service
        self.port = processes.free_port()
        self.settings = settings_of(deployment, service)
        self.settings["LATCHKEY_RPC_LISTEN"] = f"127.0.0.1:{self.port}"
        self.metrics_port = processes.free_port()
        self.settings["LATCHKEY_METRICS_LISTEN"] = f"127.0.0.1:{self.metrics_port}"
        self.public_port = self.port
        if service == "gateway":
            self.public_port = processes.free_port()
            self.settings["LATCHKEY_HTTPS_LISTEN"] = f"127.0.0.1:{self.public_port}"
        self.settings |= settings
        self.server = None
        self.start()

    def start(self):
        """Starts the process, and waits until it listens."""
        log = self.deployment.log.with_name(f"{self.service}-{self.port}.log")
        self.server = processes.Server(
            [processes.binary(f"latchkey-{self.service}")],
            log,
            self.public_port,
            # Where `latchkey up` starts its own: what is left running is found by it.
            cwd=self.deployment.data_directory,
            env=self.settings,
            start_seconds=START_SECONDS,
        )

    def wait_until_ready(self):
        """Until it says so itself, as whoever restarts replicas one after the other has to."""

        def is_ready():
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"http://127.0.0.1:{self.metrics_port}/readyz").status_code == 200

        processes.poll(is_ready, START_SECONDS, f"{self.service} is ready")

    @property
    def pid(self):
        return self.server.pid

    @property
    def url(self):
        """Where a gateway serves users."""
        return f"https://localhost:{self.public_port}"

    @property
    def address(self):
        """Where other services call it."""
        return f"127.0.0.1:{self.port}"

    def kill(self):
        """kill -9."""
        self.server.process.kill()
        self.server.process.wait()

    def stop(self):
        """Ends it as an operator would; it may be dead already."""
        self.server.stop()


@contextlib.contextmanager
def gateway(deployment, **settings):
    """A second gateway in front of the deployment's own services."""
    one = Replica(deployment, "gateway", **settings)
    try:
        yield one
    finally:
        one.stop()


@contextlib.contextmanager
def pair(deployment):
    """A second licenses process, and a second gateway that calls it: all the state that they share with the
    first ones is in Postgres. Gives both."""
    with contextlib.ExitStack() as stack:
        licenses = Replica(deployment, "licenses")
        stack.callback(licenses.stop)
        yield (
            stack.enter_context(gateway(deployment, LATCHKEY_LICENSES_ADDRESS=licenses.address)),
            licenses,
        )
