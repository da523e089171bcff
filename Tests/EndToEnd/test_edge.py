"""The gateway's face to the internet: certificates by name, their renewal, ACME challenges, proxies in front of it, and what
a scanner says of it all."""

import json
import os
import signal
import ssl
import subprocess
import time

import httpx
import pytest

from harness import processes, rest, topology
from harness.certificates import Certificates

# Of testssl.sh: what a private authority cannot have.
PRIVATE = {"cert_revocation", "DNS_CAArecord"}
YEAR_SECONDS = 365 * 24 * 60 * 60


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("edge"))


@pytest.fixture(scope="module")
def webroot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("webroot")
    (folder / ".well-known" / "acme-challenge").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def plain_port():
    return processes.free_port()


@pytest.fixture(scope="module")
def edge(deployment, certificates, webroot, plain_port):
    """A gateway as it stands on the internet: with its own certificates for two names, HSTS, port 80, and a proxy."""
    pairs = [certificates.issue(name) for name in ("localhost", "two.test")]
    settings = {
        "LATCHKEY_TLS_CERT_FILE": ",".join(pair[0] for pair in pairs),
        "LATCHKEY_TLS_KEY_FILE": ",".join(pair[1] for pair in pairs),
        "LATCHKEY_HTTP_LISTEN": f"127.0.0.1:{plain_port}",
        "LATCHKEY_ACME_WEBROOT": str(webroot),
        "LATCHKEY_TRUSTED_PROXIES": "127.0.0.7/32,10.0.0.0/8",
        "LATCHKEY_HSTS_SECONDS": str(YEAR_SECONDS),
    }
    with topology.gateway(deployment, **settings) as gateway:
        yield gateway


def test_each_name_has_its_certificate(edge, certificates):
    for asked, shown in (("localhost", "localhost"), ("two.test", "two.test"), ("other.test", "localhost"), (None, "localhost")):
        assert certificates.shown(edge.public_port, asked)[0] == shown


def test_a_renewed_certificate_is_shown_on_sighup_while_old_connections_go_on(edge, certificates):
    context = ssl.create_default_context(cafile=certificates.ca_file)
    context.check_hostname = False
    with httpx.Client(base_url=edge.url, verify=context, timeout=10) as client:
        extension = {"extensions": {"sni_hostname": "two.test"}}
        before = certificates.shown(edge.public_port, "two.test")
        assert client.get("/api/v1/products", **extension).status_code == 401
        certificates.issue("two.test")
        os.kill(edge.pid, signal.SIGHUP)
        # Well before it would be seen by itself, which takes up to 10 s.
        processes.poll(lambda: certificates.shown(edge.public_port, "two.test") != before, 5, "the new one is shown")
        assert client.get("/api/v1/products", **extension).status_code == 401
    # A bad one is refused, and the last good one stays.
    after = certificates.shown(edge.public_port, "two.test")
    certificates.issue("localhost", file="two.test.wrong")
    wrong, right = certificates.folder / "two.test.wrong.key", certificates.folder / "two.test.key"
    good = right.read_bytes()
    os.replace(wrong, right)
    os.kill(edge.pid, signal.SIGHUP)
    processes.poll(lambda: "changed certificates are refused" in edge.server.log.read_text(), 5, "it is refused")
    assert certificates.shown(edge.public_port, "two.test") == after
    right.write_bytes(good)


def test_lists_of_certificates_and_keys_must_match(deployment, certificates):
    one, two = certificates.issue("localhost", "a"), certificates.issue("two.test", "b")
    with pytest.raises(AssertionError) as refused:
        topology.Replica(
            deployment, "gateway", LATCHKEY_TLS_CERT_FILE=f"{one[0]},{two[0]}", LATCHKEY_TLS_KEY_FILE=one[1]
        )
    assert "LATCHKEY_TLS_KEY_FILE names 1 files where LATCHKEY_TLS_CERT_FILE names 2" in str(refused.value)


# Port 80.


def test_challenges_are_served_in_plain_and_nothing_else(edge, webroot, plain_port):
    token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
    folder = webroot / ".well-known" / "acme-challenge"
    (folder / token).write_text(f"{token}.thumbprint")
    (webroot / "secret").write_text("a secret")
    (folder / "link").symlink_to(webroot / "secret")
    (folder / "large").write_text("x" * 2000)
    (folder / "folder").mkdir()
    with httpx.Client(base_url=f"http://127.0.0.1:{plain_port}", timeout=10) as client:
        prefix = "/.well-known/acme-challenge/"
        found = client.get(prefix + token)
        assert (found.status_code, found.text) == (200, f"{token}.thumbprint")
        assert client.head(prefix + token).status_code == 200
        for path in ("link", "large", "folder", "absent", "..%2f..%2fsecret", "../../secret", ""):
            assert client.get(prefix + path).status_code == 404, path
        for path in ("/", "/secret", "/api/v1/products", "/healthz", "/.well-known/latchkey/keys/x.json"):
            response = client.get(path)
            assert response.status_code == 404 and "location" not in response.headers, path
        assert client.post("/api/v1/licenses/validate-key", json={"key": "k"}).status_code == 404
        assert client.post(prefix + token).status_code == 405


# Behind a proxy.


def ask(edge, certificates, key, source, forwarded=None):
    """What the gateway answers to a request from an address of loopback."""
    transport = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=certificates.ca_file), local_address=source)
    with httpx.Client(transport=transport, base_url=f"https://localhost:{edge.public_port}", timeout=10) as client:
        headers = {"authorization": f"Bearer {key}"} | ({"x-forwarded-for": forwarded} if forwarded else {})
        return client.get("/api/v1/products", headers=headers)


@pytest.mark.parametrize(
    "source, forwarded, status",
    [
        ("127.0.0.7", "203.0.113.5", 200),
        ("127.0.0.7", "198.51.100.1, 203.0.113.5, 10.1.2.3", 200),
        ("127.0.0.7", "203.0.113.5, 198.51.100.1", 403),
        ("127.0.0.7", None, 403),
        ("127.0.0.7", "unknown", 403),
        # Whoever is no proxy may say what they like.
        ("127.0.0.8", "203.0.113.5", 403),
    ],
)
def test_the_client_is_who_the_trusted_proxy_says(source, forwarded, status, edge, certificates, api):
    made = api.api_key(allowedAddresses=["203.0.113.0/24"])
    response = ask(edge, certificates, made["key"], source, forwarded)
    assert response.status_code == status, response.text


def test_the_audit_log_names_the_client_and_not_the_proxy(edge, certificates, api):
    transport = httpx.HTTPTransport(
        verify=ssl.create_default_context(cafile=certificates.ca_file), local_address="127.0.0.7"
    )
    with httpx.Client(transport=transport, base_url=f"https://localhost:{edge.public_port}", timeout=10) as client:
        made = client.post(
            "/api/v1/customers", json={"email": f"{time.time_ns()}@studio.example"},
            headers={"authorization": f"Bearer {api.key}", "x-forwarded-for": "2001:4860::8888"},
        )  # fmt: skip
    event = api.get("/audit-events", params={"resourceId": rest.expect_data(made, 201)["id"]}).json()["data"][0]
    assert event["clientAddress"] == "2001:4860::8888"


# What browsers and scanners see.


@pytest.mark.parametrize("path, status", [("/api/v1/products", 401), ("/api/v1/licenses/validate-key", 405), ("/", 404)])
def test_every_answer_says_that_it_is_data_over_https(path, status, edge, certificates):
    response = ask_plainly(edge, certificates, path)
    assert response.status_code == status
    assert response.headers["strict-transport-security"] == f"max-age={YEAR_SECONDS}"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def ask_plainly(edge, certificates, path):
    context = ssl.create_default_context(cafile=certificates.ca_file)
    with httpx.Client(verify=context, base_url=f"https://localhost:{edge.public_port}", timeout=10) as client:
        return client.get(path)


def test_a_development_server_does_not_ask_for_https_on_all_of_localhost(deployment, api):
    assert "strict-transport-security" not in api.get("/products").headers


def test_a_scanner_finds_nothing(edge, certificates, tmp_path):
    report = tmp_path / "testssl.json"
    done = subprocess.run(
        [
            "testssl", "--quiet", "--color", "0", "--warnings", "off", "--add-ca", certificates.ca_file, "--ip", "127.0.0.1",
            "--jsonfile", report, f"localhost:{edge.public_port}",
        ],
        capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, cwd=tmp_path,
    )  # fmt: skip
    findings = json.loads(report.read_text())
    assert len(findings) > 100, done.stdout
    # WARN is what the scanner could not find out, such as tickets that come after its client has gone.
    bad = [one for one in findings if one["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL") and one["id"] not in PRIVATE]
    assert not bad, bad
    assert {"HSTS_time", "TLS1_3", "cert_chain_of_trust"} <= {one["id"] for one in findings if one["severity"] == "OK"}
