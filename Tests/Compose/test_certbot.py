"""A certificate that certbot gets from an ACME authority, as Services/DEPLOYING.md has it: the gateway answers the
challenge, and takes up what the hook hands over."""

import json
import pathlib
import re
import socket
import ssl

import httpx
import pytest

from harness import neighbours, processes, rest
from harness.certificates import Certificates
from harness.guide import Guide, put

GUIDE = Guide("DEPLOYING.md")
SECTION = "A certificate that browsers know"
NAME = "licensing.example.com"
# Certificates that change are loaded within 10 s; a pair may be met when half of it is there.
LOADED_SECONDS = 25


class Authority:
    """pebble, the test server of those who run Let's Encrypt, and certbot beside it, on this machine."""

    def __init__(self, engine, name, certificates, management):
        self.engine, self.name = engine, name
        trust = ssl.create_default_context(cafile=certificates.ca_file)
        self.root = httpx.get(f"https://localhost:{management}/roots/0", verify=trust, timeout=10).text

    def type(self, command, folder):
        """Types what the page says where certbot is."""
        self.engine.docker("exec", "--workdir", str(folder), self.name, "bash", "-euo", "pipefail", "-c", command)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the page has its reader put beside compose.yaml."""
    return tmp_path_factory.mktemp("beside")


@pytest.fixture(scope="module")
def plain_port():
    return processes.free_port()


@pytest.fixture(scope="module")
def authority(engine, images, folder, plain_port, tmp_path_factory):
    certificates = Certificates(tmp_path_factory.mktemp("pebble"))
    certificate, key = (pathlib.Path(file).read_text() for file in certificates.issue("localhost"))
    port, management = processes.free_ports(2)
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": "/etc/pebble.pem",
        "privateKey": "/etc/pebble.key",
        # Where the names' port 80 is.
        "httpPort": plain_port,
    }
    client = f"server = https://localhost:{port}/dir\nagree-tos = true\nregister-unsafely-without-email = true\n"
    files = {
        "/etc/pebble.json": json.dumps({"pebble": settings}),
        "/etc/pebble.pem": certificate,
        "/etc/pebble.key": key,
        "/etc/pebble-ca.pem": (certificates.folder / "ca.pem").read_text(),
        "/etc/letsencrypt/cli.ini": client,
    }
    mounts = [*neighbours.written(tmp_path_factory.mktemp("files"), files), "--volume", f"{folder}:{folder}"]
    variables = {"PEBBLE_VA_NOSLEEP": 1, "REQUESTS_CA_BUNDLE": "/etc/pebble-ca.pem"}
    options = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    options += ["--add-host", f"{NAME}:127.0.0.1"]
    command = ("pebble", "-config", "/etc/pebble.json")
    with neighbours.neighbour(engine, images, *command, mounts=mounts, options=options) as name:
        processes.poll(lambda: processes.accepts(management), 20, "pebble listens", 0.2)
        yield Authority(engine, name, certificates, management)


def test_a_certificate_of_certbots_is_shown_and_its_renewal_too(stack, authority, folder, plain_port):
    _, override = GUIDE.blocks("yaml", SECTION)
    settings, commands = GUIDE.blocks("sh", SECTION)
    up, certbot = commands.split("\n", 1)
    places = {"./acme": f"{folder}/acme", "./tls": f"{folder}/tls", "80:8080": f"127.0.0.1:{plain_port}:8080"}
    (folder / "compose.override.yaml").write_text(put(override, places))
    trust = ssl.create_default_context(cadata=authority.root)
    key = stack.license()

    def shown():
        """The number of the certificate that a browser is shown, if it knows the authority."""
        plain = socket.create_connection(("127.0.0.1", stack.port), timeout=10)
        try:
            with trust.wrap_socket(plain, server_hostname=NAME) as connection:
                return connection.getpeercert()["serialNumber"]
        except ssl.SSLCertVerificationError:
            plain.close()

    def is_valid():
        with httpx.Client(base_url=f"https://127.0.0.1:{stack.port}", verify=trust, timeout=15) as client:
            asked = {"headers": {"host": NAME}, "extensions": {"sni_hostname": NAME}}
            answer = client.post("/api/v1/licenses/validate-key", json={"key": key}, **asked)
        return rest.expect_data(answer)["valid"]

    files = f"{processes.REPOSITORY}/compose.yaml:{folder}/compose.override.yaml"
    with stack.changed(COMPOSE_FILE=files):
        stack.type(up, folder)
        stack.wait_until_healthy("gateway")
        authority.type(certbot, folder)
        for file in (folder / "tls" / "fullchain.pem", folder / "tls" / "privkey.pem"):
            assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (10001, 0o400)
        # They are not yet asked for.
        assert shown() is None

        stack.settings = stack.settings | dict(re.findall(r"^(\w+)=(.*)$", settings, re.M))
        stack.type("docker compose up -d", folder)
        stack.wait_until_healthy("gateway")
        first, started = shown(), stack.inspect("gateway")["State"]["StartedAt"]
        assert first and is_valid()

        authority.type("certbot renew --force-renewal --no-random-sleep-on-renew", folder)
        processes.poll(lambda: shown() != first, LOADED_SECONDS, "the renewed one is shown", 0.5)
        assert shown() and is_valid()
        assert stack.inspect("gateway")["State"]["StartedAt"] == started
