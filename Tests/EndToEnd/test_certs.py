"""`latchkey certs`: made for services that somebody else starts; running ones take renewed certificates, and calls go on
meanwhile."""

import contextlib
import socket
import ssl
import subprocess

import httpx
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


def certs(*arguments):
    return subprocess.run(
        [processes.binary("latchkey"), "certs", *map(str, arguments)],
        capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def presented(port, name, context):
    """The certificate that is presented to a new connection, in DER."""
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        with context.wrap_socket(plain, server_hostname=name) as connection:
            return connection.getpeercert(binary_form=True)


def peer(authority, certificate, key):
    """A TLS context of one that services know by this certificate."""
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    return context


def served(deployment, service):
    """The certificate that a service presents to a new connection, in DER."""
    if service == "https":
        return presented(deployment.port, "localhost", deployment.trust())
    files = (deployment[f"LATCHKEY_RPC_{kind}_FILE"] for kind in ("CA", "CERT", "KEY"))
    return presented(deployment.rpc_port(service), service, peer(*files))


@contextlib.contextmanager
def started(deployment, certificates, **gateway):
    """One more of each service, by its name. `certificates` gives what one shows and trusts: certificate, key, authority;
    `gateway` has further settings of that one."""
    running = {}
    with contextlib.ExitStack() as stack:
        for service in ("signing", "keys", "licenses", "webhooks", "gateway"):
            certificate, key, authority = map(str, certificates(service))
            addresses = {f"LATCHKEY_{other.upper()}_ADDRESS": one.address for other, one in running.items()}
            running[service] = topology.Replica(
                deployment, service, LATCHKEY_RPC_CA_FILE=authority, LATCHKEY_RPC_CERT_FILE=certificate,
                LATCHKEY_RPC_KEY_FILE=key, **addresses, **(gateway if service == "gateway" else {}),
            )  # fmt: skip
            stack.callback(running[service].stop)
        yield running


def test_running_services_take_renewed_certificates_and_calls_go_on(own):
    names = ("https", "keys", "licenses", "signing", "gateway")
    before = {name: served(own, name) for name in names}
    pids = {service: own.pid(service) for service in names[1:]}
    with rest.Api(own, own["LATCHKEY_TEST_API_KEY"]) as api:
        issued = api.license(api.catalogue())
        done = certs("renew", "--all", "--data-dir", own.data_directory)
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
    done = certs("renew", "--data-dir", own.data_directory)
    assert (done.returncode, done.stdout) == (0, "nothing ends soon\n"), done.stderr
    said = certs("status", "--data-dir", own.data_directory).stdout.splitlines()
    assert len(said) >= 9 and all(": valid until 2" in line for line in said), said


def test_a_folder_without_a_deployment_is_refused(tmp_path):
    done = certs("status", "--data-dir", tmp_path / "none")
    assert done.returncode == 1 and "There is no Latchkey in" in done.stderr


# A set that an operator makes.

NAMES = ("--name", "licensing.example.com", "--name", "192.0.2.7")
IDENTITIES = ("gateway", "keys", "licenses", "signing", "webhooks", "operator")


@pytest.fixture
def made(tmp_path):
    """A folder of certificates, in a folder that was not there."""
    folder = tmp_path / "latchkey" / "certificates"
    done = certs("create", "--dir", folder, *NAMES)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert all(name in done.stdout for name in (*IDENTITIES, "https-ca", "rpc-ca", str(folder))), done.stdout
    return folder


def verifies(folder, authority, name, *arguments):
    """Whether openssl takes a certificate for what it is asked, by the word of one authority."""
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", folder / f"{authority}.pem", *arguments, folder / f"{name}.pem"],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    return done.returncode == 0


def test_openssl_takes_each_certificate_of_a_set_for_what_it_is(made):
    for name in IDENTITIES:
        assert verifies(made, "rpc-ca", name, "-purpose", "sslclient", "-verify_hostname", name), name
        assert verifies(made, "rpc-ca", name, "-purpose", "sslserver") == (name != "operator"), name
        assert not verifies(made, "rpc-ca", name, "-verify_hostname", "localhost"), name
        assert not verifies(made, "https-ca", name), name
    for call in (("hostname", "localhost"), ("hostname", "licensing.example.com"), ("ip", "192.0.2.7")):
        assert verifies(made, "https-ca", "https", "-purpose", "sslserver", f"-verify_{call[0]}", call[1]), call
    assert not verifies(made, "rpc-ca", "https")
    # What people see in their lists of authorities.
    for authority, name in (("https-ca", "Latchkey HTTPS"), ("rpc-ca", "Latchkey services")):
        shown = subprocess.check_output(["openssl", "x509", "-noout", "-subject", "-in", made / f"{authority}.pem"])
        assert shown == f"subject=O = Latchkey, CN = {name}\n".encode()
    assert made.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in made.iterdir()} == {0o600}


def test_services_run_with_a_set_and_take_its_renewal(deployment, api, made):
    def files(name):
        return made / f"{name}.pem", made / f"{name}.key", made / "rpc-ca.pem"

    https = {"LATCHKEY_TLS_CERT_FILE": str(made / "https.pem"), "LATCHKEY_TLS_KEY_FILE": str(made / "https.key")}
    body = {"key": api.license(api.catalogue())["key"]}
    trust = ssl.create_default_context(cafile=made / "https-ca.pem")
    with started(deployment, files, **https) as running, httpx.Client(verify=trust, timeout=30) as client:

        def is_valid():
            answer = client.post(f"{running['gateway'].url}/api/v1/licenses/validate-key", json=body)
            return answer.status_code == 200 and answer.json()["data"]["valid"]

        def everyone():
            certificate, key, authority = files("operator")
            context = peer(authority, certificate, key)
            shown = {service: presented(one.port, service, context) for service, one in running.items()}
            return shown | {"https": presented(running["gateway"].public_port, "licensing.example.com", trust)}

        processes.poll(is_valid, 20, "the services know each other")
        before = everyone()
        done = certs("renew", "--all", "--dir", made)
        assert done.returncode == 0 and "keys" in done.stdout, done.stderr

        def all_renewed():
            assert is_valid()
            return all(shown != before[name] for name, shown in everyone().items())

        processes.poll(all_renewed, RELOAD_SECONDS, "all services present renewed certificates")
        assert is_valid()
    done = certs("renew", "--dir", made)
    assert (done.returncode, done.stdout) == (0, "nothing ends soon\n"), done.stderr
    said = certs("status", "--dir", made).stdout.splitlines()
    assert len(said) == len(IDENTITIES) + 3 and all(": valid until 2" in line for line in said), said


def test_what_is_there_is_never_made_anew(made, tmp_path):
    before = {file.name: file.read_bytes() for file in made.iterdir()}
    done = certs("create", "--dir", made)
    assert done.returncode == 1 and done.stdout == "", done.stdout
    assert done.stderr == (
        f"latchkey: {made} has certificates already; what ends soon in it is made anew by:"
        f" latchkey certs renew --dir {made}\n"
    )
    assert {file.name: file.read_bytes() for file in made.iterdir()} == before
    # The folder of somebody else's certificates is not ours to fill.
    other = tmp_path / "other"
    other.mkdir()
    (other / "ca.pem").write_text("mine")
    done = certs("create", "--dir", other)
    assert done.returncode == 1 and "holds something else" in done.stderr
    assert [file.name for file in other.iterdir()] == ["ca.pem"]


def test_what_cannot_be_done_is_said(made, tmp_path):
    none = tmp_path / "none"
    for deed in ("status", "renew"):
        done = certs(deed, "--dir", none)
        assert done.returncode == 1 and f"There are no certificates of Latchkey in {none}" in done.stderr
        done = certs(deed, "--dir", made, "--data-dir", none)
        assert done.returncode == 64 and "Give --data-dir or --dir, not both" in done.stderr
    done = certs("create", "--dir", none, "--name", "licensing.example.com:8443")
    assert done.returncode == 1 and "without a port" in done.stderr
    assert not none.exists()


def test_certificates_of_another_authority_serve_as_well(deployment, tmp_path):
    """Every service with one of its own: they know each other, and those of the first authority are strangers."""
    authority = Certificates(tmp_path)
    with started(deployment, lambda service: (*authority.issue(service), authority.ca_file)) as running:
        with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"], url=running["gateway"].url) as api:
            assert api.validate(api.license(api.catalogue())["key"])["code"] == "VALID"
        # One that calls them by a certificate of the first authority gets no answer.
        addresses = {f"LATCHKEY_{service.upper()}_ADDRESS": running[service].address for service in ("keys", "licenses")}
        with topology.gateway(deployment, **addresses) as stranger:
            with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"], url=stranger.url) as api:
                assert api.get("/products").status_code == 503
