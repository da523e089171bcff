"""TLS at the gateway and between services."""

import socket
import ssl
import subprocess

import pytest


def s_client(deployment, *arguments, port=None):
    """What `openssl s_client` says about a handshake."""
    done = subprocess.run(
        [
            "openssl", "s_client", "-connect", f"127.0.0.1:{port or deployment.port}",
            "-servername", "localhost", "-CAfile", deployment.ca_file, "-brief", *arguments,
        ],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_tls_is_refused_by_our_alert(version, deployment):
    """SECLEVEL=0 lets the client offer it, so that the refusal is the server's."""
    status, said = s_client(deployment, version, "-cipher", "ALL@SECLEVEL=0")
    assert status != 0 and "alert protocol version" in said, said


@pytest.mark.parametrize(
    "version, protocol", [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")]
)
def test_current_tls_is_spoken(version, protocol, deployment):
    status, said = s_client(deployment, version, "-verify_return_error")
    assert status == 0 and f"Protocol version: {protocol}" in said, said


@pytest.mark.parametrize(
    "cipher",
    [
        "AES256-GCM-SHA384",
        "AES128-SHA",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA384",
        "DES-CBC3-SHA",
        "RC4-SHA",
        "NULL-SHA256",
        "ADH-AES128-SHA",
    ],
)
def test_a_suite_without_aead_or_forward_secrecy_is_refused(cipher, deployment):
    status, said = s_client(deployment, "-tls1_2", "-cipher", f"{cipher}@SECLEVEL=0")
    # A suite that this OpenSSL no longer has cannot be offered; anything else is our alert.
    assert status != 0, said
    assert "handshake failure" in said or "no ciphers available" in said or "no cipher match" in said


def negotiated(deployment, offered):
    context = deployment.trust(offered)
    plain = socket.create_connection(("127.0.0.1", deployment.port), timeout=10)
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        return connection.selected_alpn_protocol()


def test_alpn_prefers_http_2(deployment):
    assert negotiated(deployment, ["http/1.1", "h2"]) == "h2"
    assert negotiated(deployment, ["http/1.1"]) == "http/1.1"
    assert negotiated(deployment, None) is None


def test_an_unknown_protocol_is_refused(deployment):
    """RFC 7301: no overlap is the alert no_application_protocol."""
    with pytest.raises(ssl.SSLError):
        negotiated(deployment, ["spdy/1"])


def test_the_certificate_covers_localhost_and_loopback(deployment):
    for name in ("localhost", "127.0.0.1"):
        plain = socket.create_connection(("127.0.0.1", deployment.port), timeout=10)
        with deployment.trust().wrap_socket(plain, server_hostname=name) as connection:
            assert connection.version() == "TLSv1.3"


def test_a_session_is_resumed(deployment):
    """A returning client is spared the signature."""
    context = deployment.trust(["http/1.1"])

    def connect(session=None):
        plain = socket.create_connection(("127.0.0.1", deployment.port), timeout=10)
        connection = context.wrap_socket(plain, server_hostname="localhost", session=session)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while connection.recv(65536):
            pass  # TLS 1.3 brings its ticket with the answer.
        return connection

    first = connect()
    assert not first.session_reused
    assert connect(first.session).session_reused


@pytest.mark.parametrize("service", ["keys", "signing", "licenses", "webhooks"])
def test_an_rpc_port_asks_for_a_certificate(service, deployment):
    """Without one of the deployment's own, not one byte of HTTP/2 is answered."""
    context = ssl.create_default_context(cafile=deployment["LATCHKEY_RPC_CA_FILE"])
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", deployment.rpc_port(service)), timeout=10)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with context.wrap_socket(plain, server_hostname=service) as connection:
            # In TLS 1.3 the client learns of the refusal when it reads.
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
            assert not connection.recv(65536)
            raise ConnectionError("closed")


@pytest.mark.parametrize("service", ["keys", "signing", "licenses", "webhooks"])
def test_an_rpc_port_refuses_a_certificate_of_another_ca(service, deployment, tmp_path):
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "1", "-subj", "/CN=operator",
            "-addext", "subjectAltName=DNS:operator",
            "-keyout", tmp_path / "key.pem", "-out", tmp_path / "certificate.pem",
        ],
        check=True, capture_output=True, timeout=20,
    )  # fmt: skip
    context = ssl.create_default_context(cafile=deployment["LATCHKEY_RPC_CA_FILE"])
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", deployment.rpc_port(service)), timeout=10)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with context.wrap_socket(plain, server_hostname=service) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
            assert not connection.recv(65536)
            raise ConnectionError("closed")


@pytest.mark.parametrize("service", ["keys", "signing", "licenses", "webhooks"])
def test_an_rpc_port_speaks_http_2_alone(service, deployment):
    """Even with a certificate, a peer that does not ask for HTTP/2 gets no answer."""
    context = ssl.create_default_context(cafile=deployment["LATCHKEY_RPC_CA_FILE"])
    context.load_cert_chain(
        deployment["LATCHKEY_RPC_CERT_FILE"], deployment["LATCHKEY_RPC_KEY_FILE"]
    )
    plain = socket.create_connection(("127.0.0.1", deployment.rpc_port(service)), timeout=10)
    with context.wrap_socket(plain, server_hostname=service) as connection:
        try:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not connection.recv(65536)
        except ConnectionError:
            pass


def test_only_the_gateway_publishes_a_port_beyond_loopback(deployment):
    """The services' RPC ports are bound to loopback in development."""
    for service in ("keys", "signing", "licenses", "webhooks"):
        assert deployment[f"LATCHKEY_{service.upper()}_RPC_ADDRESS"].startswith("127.0.0.1:")
