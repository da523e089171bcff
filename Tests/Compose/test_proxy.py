"""nginx before the stack, as Services/DEPLOYING.md has it, on the same machine."""

import json
import pathlib
import ssl

import httpx
import pytest

from harness import neighbours, processes, rest
from harness.certificates import Certificates
from harness.guide import Guide, put
from harness.stack import PROJECT

(BLOCK,) = Guide("DEPLOYING.md").blocks("nginx", "Behind a reverse proxy or load balancer")
# Two addresses of this machine, from which two clients call.
CLIENT, OTHER = "127.0.0.5", "127.0.0.6"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("nginx"))


def mounted(folder, text, stack, certificates):
    """The files that the page speaks of, at the places that it says."""
    certificate, key = (pathlib.Path(file).read_text() for file in certificates.issue("localhost"))
    files = {
        "conf.d/latchkey.conf": text,
        "latchkey-ca.pem": stack.authority,
        "fullchain.pem": certificate,
        "privkey.pem": key,
    }
    return neighbours.written(folder, {f"/etc/nginx/{path}": content for path, content in files.items()})


@pytest.fixture(scope="module")
def proxy(stack, images, certificates, tmp_path_factory):
    """The port of a proxy whom the gateway believes."""
    port = processes.free_port()
    text = put(BLOCK, {"listen 443": f"listen 127.0.0.1:{port}", "127.0.0.1:8443": f"127.0.0.1:{stack.port}"})
    mounts = mounted(tmp_path_factory.mktemp("files"), text, stack, certificates)
    # As the page says where it is seen.
    (edge,) = stack.engine.inspect(f"{PROJECT}_edge", "network")["IPAM"]["Config"]
    with (
        stack.changed(LATCHKEY_TRUSTED_PROXIES=f"{edge['Gateway']}/32"),
        neighbours.neighbour(stack.engine, images, *neighbours.NGINX, mounts=mounts),
    ):
        stack.up()
        processes.poll(lambda: processes.accepts(port), 20, "nginx listens", 0.2)
        yield port


@pytest.fixture
def call(stack, certificates, proxy):
    """Calls through the proxy with the stack's API key or another one, from an address of this machine."""
    clients = {}

    def one(method, path, source=CLIENT, key=None, **options):
        if source not in clients:
            trust = ssl.create_default_context(cafile=certificates.ca_file)
            transport = httpx.HTTPTransport(verify=trust, http2=True, local_address=source)
            clients[source] = httpx.Client(transport=transport, base_url=f"https://localhost:{proxy}", timeout=15)
        headers = {"authorization": f"Bearer {key or stack['LATCHKEY_TEST_API_KEY']}"} | options.pop("headers", {})
        return clients[source].request(method, rest.whole(path), headers=headers, **options)

    yield one
    for client in clients.values():
        client.close()


def test_nginx_takes_what_the_page_says(engine, images, stack, certificates, tmp_path):
    words = ("run", "--rm", "--network", "none", *mounted(tmp_path, BLOCK, stack, certificates), images.NEIGHBOURS)
    engine.docker(*words, "nginx", "-t")


def test_a_license_is_validated_through_a_proxy(stack, call):
    answer = call("POST", "/licenses/validate-key", json={"key": stack.license()})
    assert answer.headers["server"].startswith("nginx/")
    assert rest.expect_data(answer)["valid"]


def test_the_client_is_who_the_proxy_says(call):
    bound = {"name": "bound", "allowedAddresses": [f"{CLIENT}/32"]}
    made = rest.expect_data(call("POST", "/api-keys", json=bound), 201)
    rest.expect_data(call("GET", "/products", key=made["key"]))
    rest.expect_error(call("GET", "/products", OTHER, key=made["key"]), 403)
    # What a client says itself stands before what the proxy adds.
    forged = {"x-forwarded-for": CLIENT}
    rest.expect_error(call("GET", "/products", OTHER, key=made["key"], headers=forged), 403)


def test_the_audit_log_names_the_client_and_not_the_proxy(call):
    made = rest.expect_data(call("POST", "/customers", json={"email": "through@proxy.example"}), 201)
    (event,) = call("GET", "/audit-events", params={"resourceId": made["id"]}).json()["data"]
    assert event["clientAddress"] == CLIENT


def test_a_browsers_origin_is_the_gateways_own_behind_a_proxy(proxy, call):
    """A login is refused as another site's doing unless its origin is the host that was asked, port and all."""
    body = {"email": "nobody@studio.example", "password": "no horse in the garden"}

    def log_in(origin):
        return call("POST", "/api/dashboard/login", json=body, headers={"origin": origin})

    rest.expect_error(log_in(f"https://localhost:{proxy}"), 401)
    rest.expect_error(log_in("https://localhost"), 403)


def test_a_proxy_leaves_large_bodies_to_the_gateway(call):
    """Which has a limit for each route; nginx by itself refuses more than a megabyte."""
    rest.expect_error(call("POST", "/licenses/validate-key", json={"key": "x" * 3_000_000}), 413)


def test_a_proxy_keeps_its_connections(stack, call):
    def accepted():
        return stack.metric("latchkey_connections_accepted_total", "gateway", server="https")

    call("GET", "/products")
    before = accepted()
    for _ in range(20):
        rest.expect_data(call("GET", "/products"))
    # One for each of nginx's processes, at most.
    assert accepted() - before < 10


def test_a_proxy_passes_events_on_as_they_come(stack, certificates, proxy):
    trust = ssl.create_default_context(cafile=certificates.ca_file)
    headers = {"authorization": f"Bearer {stack['LATCHKEY_TEST_API_KEY']}"}
    with (
        httpx.Client(base_url=f"https://localhost:{proxy}", verify=trust, timeout=15, headers=headers) as client,
        client.stream("GET", "/api/v1/events/stream") as answer,
    ):
        lines = answer.iter_lines()
        # It has begun. Held back, there would be none within the time that a read may take.
        assert json.loads(next(lines)).keys() == {"cursor"}
        stack.license()
        processes.poll(lambda: "license.created" in next(lines), 15, "the event comes")
