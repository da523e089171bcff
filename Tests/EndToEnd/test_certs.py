"""`latchkey certs`: running services take renewed certificates, and calls go on meanwhile."""

import socket
import ssl
import subprocess

import pytest

from harness import processes, rest, topology
from harness.certificates import Certificates
from harness.deployment import Deployment

# Services look at their files every 10 s.
RELOAD_SECONDS = 30


@pytest.fixture
def own(tmp_path):
    deployment = Deployment(tmp_path / "up.log")
    deployment.start()
    yield deployment
    deployment.stop()


def certs(deployment, *arguments):
    return subprocess.run(
        [processes.binary("latchkey"), "certs", *arguments, "--data-dir", str(deployment.data_directory)],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip


def served(deployment, service):
    """The certificate that a service presents to a new connection, in DER."""
    if service == "https":
        port, context = deployment.port, deployment.trust()
        name = "localhost"
    else:
        port, name = deployment.rpc_port(service), service
        context = ssl.create_default_context(cafile=deployment["LATCHKEY_RPC_CA_FILE"])
        context.load_cert_chain(deployment["LATCHKEY_RPC_CERT_FILE"], deployment["LATCHKEY_RPC_KEY_FILE"])
        context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        with context.wrap_socket(plain, server_hostname=name) as connection:
            return connection.getpeercert(binary_form=True)


def test_running_services_take_renewed_certificates_and_calls_go_on(own):
    names = ("https", "keys", "licenses", "signing", "gateway")
    before = {name: served(own, name) for name in names}
    pids = {service: own.pid(service) for service in names[1:]}
    with rest.Api(own, own["LATCHKEY_TEST_API_KEY"]) as api:
        issued = api.license(api.catalogue())
        done = certs(own, "renew", "--all")
        assert done.returncode == 0 and "keys" in done.stdout, done.stderr

        def all_renewed():
            assert api.validate(issued["key"])["code"] == "VALID"
            return all(served(own, name) != before[name] for name in names)

        processes.poll(all_renewed, RELOAD_SECONDS, "all services present renewed certificates")
        # Connections that are made from now on go by the new certificates alone.
        with rest.Api(own, own["LATCHKEY_TEST_API_KEY"]) as other:
            assert other.validate(issued["key"])["code"] == "VALID"
    assert pids == {service: own.pid(service) for service in pids}, "nothing was restarted"


def test_what_lasts_is_left_alone(own):
    done = certs(own, "renew")
    assert (done.returncode, done.stdout) == (0, "nothing ends soon\n"), done.stderr
    said = certs(own, "status").stdout.splitlines()
    assert len(said) >= 9 and all(": valid until 2" in line for line in said), said


def test_a_folder_without_a_deployment_is_refused(tmp_path):
    done = subprocess.run(
        [processes.binary("latchkey"), "certs", "status", "--data-dir", str(tmp_path / "none")],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode == 1 and "There is no Latchkey in" in done.stderr


def test_certificates_of_another_authority_serve_as_well(deployment, tmp_path):
    """Every service with one of its own: they know each other, and those of the first authority are strangers."""
    authority = Certificates(tmp_path)
    running = {}

    def start(service, **settings):
        certificate, key = authority.issue(service)
        settings |= {f"LATCHKEY_{other.upper()}_ADDRESS": one.address for other, one in running.items()}
        running[service] = topology.Replica(
            deployment, service, LATCHKEY_RPC_CA_FILE=authority.ca_file,
            LATCHKEY_RPC_CERT_FILE=certificate, LATCHKEY_RPC_KEY_FILE=key, **settings,
        )  # fmt: skip

    try:
        for service in ("signing", "keys", "licenses", "webhooks", "gateway"):
            start(service)
        with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"], url=running["gateway"].url) as api:
            assert api.validate(api.license(api.catalogue())["key"])["code"] == "VALID"
        # One that calls them by a certificate of the first authority gets no answer.
        addresses = {f"LATCHKEY_{service.upper()}_ADDRESS": running[service].address for service in ("keys", "licenses")}
        with topology.gateway(deployment, **addresses) as stranger:
            with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"], url=stranger.url) as api:
                assert api.get("/products").status_code == 503
    finally:
        for one in running.values():
            one.stop()
