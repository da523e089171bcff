"""The containers of compose.yaml on an engine of the tests' own, and what an operator does with them."""

import contextlib
import os
import re
import ssl
import subprocess

import httpx

from . import containers, processes

PROJECT = "latchkey-test"
SERVICES = ("gateway", "keys", "licenses", "signing", "webhooks")
RUNNING = (*SERVICES, "postgres", "certificates")
# `docker compose` by the programs of this machine.
AS_TYPED = (
    f'docker() {{ if [ "$1" = compose ]; then shift; {containers.COMPOSE} "$@"; else {containers.DOCKER} "$@"; fi; }}'
)
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
        self.authority = None
        self.client = None

    def __getitem__(self, name):
        """What the operator is told of the first account."""
        return self.account[name]

    def compose(self, *arguments):
        return self.engine.compose(*arguments, settings=self.settings, directory=processes.REPOSITORY)

    def type(self, block, folder=processes.REPOSITORY):
        """Types what a guide says, as it stands, with this machine's compose; gives what that printed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{AS_TYPED}\n{block}"],
            env=self.engine.environment | {"COMPOSE_FILE": str(processes.REPOSITORY / "compose.yaml")} | self.settings,
            cwd=folder, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    @contextlib.contextmanager
    def changed(self, **settings):
        """Has other settings while the block runs, which starts what it wants to be started with them, and brings
        everything back as it was."""
        before = self.settings
        self.settings = before | settings
        try:
            yield
        finally:
            self.settings = before
            self.up()

    def up(self):
        """What an operator types, and waits for."""
        self.compose("up", "-d", "--no-build")
        for service in SERVICES:
            self.wait_until_healthy(service)

    def wait_until_healthy(self, service, number=1):
        """Until the engine says so of one container of a service."""

        def is_healthy():
            return self.inspect(service, number)["State"]["Health"]["Status"] == "healthy"

        processes.poll(is_healthy, HEALTHY_SECONDS, f"{service} {number} is healthy", 0.5)

    def containers(self, service, *filters):
        """The names of a service's containers that stay: each generation of compose makes up its own, and labels them
        alike."""
        labels = (f"project={PROJECT}", f"service={service}", "oneoff=False", *filters)
        words = [word for label in labels for word in ("--filter", f"label=com.docker.compose.{label}")]
        return self.engine.docker("ps", "--all", "--format", "{{.Names}}", *words).split()

    def container(self, service, number=1):
        """The name of one of them."""
        (name,) = self.containers(service, f"container-number={number}")
        return name

    def inspect(self, service, number=1):
        return self.engine.inspect(self.container(service, number))

    def address(self, service, network, number=1):
        """The address of a container in a network of the stack, at which this machine finds it."""
        return self.inspect(service, number)["NetworkSettings"]["Networks"][f"{PROJECT}_{network}"]["IPAddress"]

    def metric(self, name, service, number=1, **labels):
        """The sum of a metric over its series with these labels, as a container of a service has it now."""
        url = f"http://{self.address(service, 'services', number)}:9464/metrics"
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", httpx.get(url, timeout=10).text, re.M)
        return sum(float(value) for given, value in found if wanted <= set(given.split(",")))

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
        self.authority = self.compose("run", "--rm", "-T", "operator", "deploy", "authority")
        self.client = httpx.Client(
            base_url=f"{self['LATCHKEY_URL']}/api/v1",
            headers={"authorization": f"Bearer {self['LATCHKEY_TEST_API_KEY']}"},
            verify=self.trust(),
            timeout=15,
        )

    def trust(self):
        """A TLS context that trusts the stack's authority."""
        return ssl.create_default_context(cadata=self.authority)

    def sql(self, statement):
        """Runs a statement as the database's administrator; gives the rows, as lists of texts."""
        script = (
            "PGPASSWORD=$(cat /run/latchkey/secrets/latchkey_admin.password) exec"
            ' psql -XAtq -F "\t" -v ON_ERROR_STOP=1 --host 127.0.0.1 --username latchkey_admin --dbname latchkey -c "$0"'
        )
        return [line.split("\t") for line in self.run("postgres", "sh", "-c", script, statement).splitlines()]

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
