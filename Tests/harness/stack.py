"""The containers of compose.yaml on an engine of the tests' own, and what an operator does with them."""

import contextlib
import os
import ssl

import httpx

from . import processes

PROJECT = "latchkey-test"
SERVICES = ("gateway", "keys", "licenses", "signing", "webhooks")
RUNNING = (*SERVICES, "postgres", "certificates")
# With a health check every 10 s.
HEALTHY_SECONDS = 120


class Stack:
    """The containers of compose.yaml."""

    def __init__(self, engine, images):
        self.engine = engine
        self.port = processes.free_port()
        self.url = f"https://localhost:{self.port}"
        self.settings = {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "LATCHKEY_IMAGE": images.LATCHKEY,
            "LATCHKEY_POSTGRES_IMAGE": images.POSTGRES,
            "LATCHKEY_PORT": f"127.0.0.1:{self.port}",
            "LATCHKEY_URL": self.url,
            "LATCHKEY_REQUEST_LOG": "on",
        }
        self.account = {}
        self.client = None

    def compose(self, *arguments):
        return self.engine.compose(*arguments, settings=self.settings, directory=processes.REPOSITORY)

    def up(self):
        """What an operator types, and waits for."""
        self.compose("up", "-d", "--no-build")
        for service in SERVICES:
            processes.poll(lambda: self.health(service) == "healthy", HEALTHY_SECONDS, f"{service} is healthy", 0.5)

    def container(self, service):
        return f"{PROJECT}_{service}_1"

    def inspect(self, service):
        return self.engine.inspect(self.container(service))

    def health(self, service):
        return self.inspect(service)["State"]["Health"]["Status"]

    def run(self, service, *command):
        """Runs a program beside a service; gives what it printed."""
        return self.engine.docker("exec", self.container(service), *command)

    @contextlib.contextmanager
    def one_off(self, service, *command):
        """Runs something to its end beside what runs, and lends what the engine knows of its container."""
        filters = [
            word
            for label in (f"project={PROJECT}", f"service={service}", "oneoff=True")
            for word in ("--filter", f"label=com.docker.compose.{label}")
        ]
        self.compose("run", "--no-deps", "-T", service, *command)
        (container,) = self.engine.docker("ps", "--all", "--quiet", *filters).split()
        try:
            yield self.engine.inspect(container)
        finally:
            self.engine.docker("rm", container)

    def output(self, service):
        """What a container that does one thing has said, on both of its streams."""
        with self.one_off(service) as container:
            return self.engine.logs(container["Id"])

    def connect(self):
        """Makes the first account, as an operator does, and a client of the API for it."""
        text = self.compose("run", "--rm", "-T", "operator")
        self.account = dict(line.split("=", 1) for line in text.split())
        authority = self.compose("run", "--rm", "-T", "operator", "deploy", "authority")
        self.client = httpx.Client(
            base_url=f"{self.account['LATCHKEY_URL']}/api/v1",
            headers={"authorization": f"Bearer {self.account['LATCHKEY_TEST_API_KEY']}"},
            verify=ssl.create_default_context(cadata=authority),
            timeout=15,
        )

    def post(self, path, body, status):
        answer = self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()["data"]

    def license(self):
        """A new license's key."""
        code = os.urandom(4).hex()
        product = self.post("/products", {"name": "Atelier", "code": f"a{code}", "keyPrefix": "ATL"}, 201)
        terms = {"productId": product["id"], "name": "Studio", "maxMachines": 3, "requireFingerprint": False}
        policy = self.post("/policies", terms, 201)
        return self.post("/licenses", {"productId": product["id"], "policyId": policy["id"]}, 201)["key"]

    def is_valid(self, key):
        try:
            answer = self.client.post("/licenses/validate-key", json={"key": key})
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json()["data"]["valid"]
