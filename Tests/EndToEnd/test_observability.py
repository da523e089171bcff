"""What operators see: metrics by a real Prometheus, traces by a collector, probes, alerts, and logs without any secret."""

import json
import os
import re
import socket
import subprocess
import uuid

import httpx
import pytest

import harness.prometheus as prometheuses
from harness import accounts, collector, dumps, logscan, processes, receiver, rest, topology
from harness import deployment as deployments
from harness.dumps import Secret

DOCUMENT = processes.REPOSITORY / "Services" / "OBSERVING.md"


@pytest.fixture(scope="module")
def traces():
    one = collector.Collector()
    yield one
    one.close()


@pytest.fixture(scope="module")
def deployment(logs, traces, tmp_path_factory):
    """One of its own, which tells all there is to tell; of traces only those that are asked for."""
    headers = tmp_path_factory.mktemp("collector") / "headers"
    headers.write_text("Authorization: Bearer collectors-own-secret-4711\n")
    headers.chmod(0o600)
    settings = {
        "LATCHKEY_LOG_LEVEL": "debug",
        "LATCHKEY_REQUEST_LOG": "on",
        "LATCHKEY_OTLP_ENDPOINT": traces.url,
        "LATCHKEY_OTLP_HEADERS_FILE": str(headers),
        "LATCHKEY_TRACE_RATIO": "0",
    }
    one = deployments.Deployment(logs / "latchkey-up-observed.log", settings=settings)
    one.start()
    yield one
    assert not one.stop()


@pytest.fixture(scope="module")
def api(deployment):
    with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as client:
        yield client


@pytest.fixture(scope="module")
def used(deployment, api):
    """The deployment after a bit of everything: validations, changes, refusals, a delivered webhook."""
    with receiver.Receiver() as hook:
        receiver.register(api, hook.url)
        catalogue = api.catalogue()
        key = api.license(catalogue)["key"]
        for _ in range(20):
            api.validate(key)
        assert api.get(f"/licenses/{uuid.uuid4()}").status_code == 404
        assert api.client.get("/no/such/place/" + key).status_code == 404
        hook.wait_for(3)
    return deployment


@pytest.fixture(scope="module")
def prometheus(used, tmp_path_factory):
    with prometheuses.Prometheus(used, tmp_path_factory.mktemp("prometheus")) as one:
        yield one


# Metrics.


def scrape(deployment, service):
    answer = httpx.get(f"http://{deployment.metrics_address(service)}/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text


def test_prometheus_scrapes_every_process(prometheus):
    for service in deployments.SERVICES:
        prometheus.wait_for(f'up{{instance="{service}"}} == 1')
        assert prometheus.wait_for(f'latchkey_service_info{{instance="{service}", service="{service}"}}')
        assert prometheus.wait_for(f'latchkey_service_ready{{instance="{service}"}} == 1')
    assert prometheus.ask("targets")["droppedTargets"] == []


@pytest.mark.parametrize(
    "expression",
    [
        'latchkey_http_requests_total{route="/api/v1/licenses/validate-key", method="POST", status="200"} >= 20',
        'latchkey_http_requests_total{route="/api/v1/licenses/{id}", method="GET", status="404"} >= 1',
        'latchkey_http_requests_total{route="other", status="404"} >= 1',
        "histogram_quantile(0.99, sum by (le) (latchkey_http_request_duration_seconds_bucket)) > 0",
        'latchkey_http_requests_in_flight{instance="gateway"} == 0',
        'latchkey_connections{instance="gateway", server="https"} >= 1',
        'latchkey_rpc_server_calls_total{instance="licenses", method="ValidateKey", code="OK"} >= 20',
        'latchkey_rpc_server_calls_total{instance="licenses", method="GetLicense", code="NOT_FOUND"} >= 1',
        'latchkey_rpc_client_calls_total{instance="gateway", service="licenses", code="OK"} >= 20',
        'latchkey_rpc_client_calls_total{instance="gateway", service="keys", code="OK"} >= 1',
        'latchkey_rpc_client_connections{instance="gateway", service="licenses"} >= 1',
        "count(latchkey_postgres_available == 1) == 4",
        'latchkey_postgres_connections{instance="licenses", kind="shared", state="up"} >= 1',
        'latchkey_postgres_exchanges_total{instance="licenses", outcome="ok"} >= 20',
        'latchkey_postgres_exchange_duration_seconds_count{instance="licenses"} >= 20',
        'latchkey_postgres_batch_keys_count{instance="licenses", batch="license facts"} >= 1',
        'latchkey_postgres_batch_keys_sum{instance="keys", batch="api keys"} >= 1',
        'latchkey_webhooks_attempts_total{instance="webhooks", outcome="success"} >= 3',
        'latchkey_webhooks_delivery_lag_seconds_count{instance="webhooks"} >= 3',
        'latchkey_webhooks_delivery_lag_seconds_bucket{instance="webhooks", le="60"} >= 3',
        'latchkey_webhooks_outbox_events{instance="webhooks"} == 0',
        # Those of services are valid for 14 days, and are renewed in time.
        "min(latchkey_certificate_expiry_timestamp_seconds) - time() > 86400 * 7",
        'count by (instance) (latchkey_certificate_expiry_timestamp_seconds{instance="gateway"}) == 2',
        "count(latchkey_event_loop_lag_seconds_count > 0) == 5",
        "count(rate(process_cpu_seconds_total[5s]) < 1) == 5",
        "count(process_resident_memory_bytes > 1e6) == 5",
        "count(abs(time() - process_start_time_seconds) < 600) == 5",
        "count(process_open_fds > 5 and process_open_fds < process_max_fds) == 5",
    ],
)
def test_it_can_be_asked_for(prometheus, expression):
    assert prometheus.wait_for(expression)


def test_calls_do_not_hop_between_threads(prometheus, api):
    """Each call on the loop of its process alone: what else comes from other threads does not grow with calls."""
    key = api.license(api.catalogue())["key"]

    def count():
        return sum(
            int(float(re.search(r"^latchkey_event_loop_foreign_enqueues_total (\S+)$", scrape(api.deployment, service), re.M)[1]))
            for service in ("gateway", "licenses", "keys")
        )  # fmt: skip

    before = count()
    for _ in range(200):
        api.validate(key)
    assert count() - before < 50


def test_no_alert_is_raised_where_all_is_well(prometheus):
    prometheus.wait_for("up == 1")
    groups = processes.poll(lambda: (prometheus.ask("rules") or {}).get("groups"), 20, "the rules are loaded")
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 10
    rules = processes.poll(
        lambda: (now := [r for g in prometheus.ask("rules")["groups"] for r in g["rules"]])
        and all(rule["health"] == "ok" for rule in now) and now, 20, "the rules are evaluated",
    )  # fmt: skip
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


def test_promtool_finds_nothing_wrong(used):
    """With the rules, with their tests, and with what each process says (`check metrics` is Prometheus's own linter)."""
    promtool = prometheuses.program("promtool")
    tests = processes.REPOSITORY / "Tests" / "EndToEnd" / "alerts_test.yml"
    rules = processes.REPOSITORY / "Services" / "alerts.yml"
    for arguments in (["check", "rules", rules], ["test", "rules", tests]):
        done = subprocess.run([promtool, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    for service in deployments.SERVICES:
        done = subprocess.run(
            [promtool, "check", "metrics"], input=scrape(used, service), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested():
    rules = (processes.REPOSITORY / "Services" / "alerts.yml").read_text()
    tests = (processes.REPOSITORY / "Tests" / "EndToEnd" / "alerts_test.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert [one for one in alerts if f"alertname: {one}\n" not in tests] == []


def test_the_documentation_lists_every_metric(used):
    """As they are described by the processes themselves, in the same words, and no other."""
    told = {}
    for service in deployments.SERVICES:
        told |= prometheuses.families(scrape(used, service))
    rows = [f"| `{name}` | {kind} | {help} |" for name, (kind, help) in sorted(told.items())]
    listed = re.findall(r"^\| `[a-z_]+` \| (?:counter|gauge|histogram) \| .* \|$", DOCUMENT.read_text(), re.M)
    assert listed == rows, "the table should be:\n" + "\n".join(rows)


def test_labels_are_of_closed_sets(used, api):
    """Whatever is asked for, the number of series stays: no key, no id, no path, no name of a method."""
    def asked():
        for number in range(20):
            unique = uuid.uuid4().hex
            api.get(f"/licenses/{uuid.uuid4()}")
            api.client.request("GET", f"/{unique}/{number}?{unique}")
            api.client.request(f"M{unique[:8].upper()}", "/api/v1/licenses")
            api.validate(f"LIC-{unique[:4].upper()}-AAAA-AAAA-AAAA")

    def series():
        return {service: len([line for line in scrape(used, service).splitlines() if line[0] != "#"])
                for service in deployments.SERVICES}  # fmt: skip

    asked()
    before = series()
    asked()
    assert series() == before


def test_the_metrics_port_serves_nothing_else(deployment):
    base = f"http://{deployment.metrics_address('keys')}"
    assert deployment.metrics_address("keys").startswith("127.0.0.1:")
    assert httpx.get(base + "/").status_code == 404
    assert httpx.get(base + "/metrics/").status_code == 404
    assert httpx.post(base + "/metrics", content=b"x" * 100_000).status_code == 405
    assert httpx.head(base + "/metrics").content == b""
    host, port = deployment.metrics_address("keys").split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")


# Probes.


def probe(deployment, service, path):
    return httpx.get(f"http://{deployment.metrics_address(service)}{path}")


@pytest.mark.parametrize("service", deployments.SERVICES)
def test_a_process_that_is_well_says_so(deployment, service):
    for path in ("/healthz", "/readyz"):
        processes.poll(lambda path=path: probe(deployment, service, path).status_code == 200, 20, f"{service} {path}")


def test_the_gateway_answers_probes_where_users_call_it(deployment, api):
    for path in ("/healthz", "/readyz"):
        answer = api.client.get(path)
        assert answer.status_code == 200 and answer.text == "ok\n", answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert api.client.head(path).status_code == 200
        assert api.client.post(path).status_code == 405


def test_a_gateway_without_its_services_lives_and_is_not_ready(deployment):
    """Nor is it before it has found them."""
    nowhere = f"127.0.0.1:{processes.free_port()}"
    with topology.gateway(deployment, LATCHKEY_KEYS_ADDRESS=nowhere) as gateway:
        base = f"http://127.0.0.1:{gateway.metrics_port}"
        answer = processes.poll(
            lambda: (now := httpx.get(base + "/readyz")).text == "keys cannot be reached\n" and now,
            20, "it names what is missing",
        )  # fmt: skip
        assert answer.status_code == 503
        assert httpx.get(base + "/healthz").status_code == 200
        assert "latchkey_service_ready 0\n" in httpx.get(base + "/metrics").text


def test_a_service_without_its_database_lives_and_is_not_ready(deployment):
    with NotReady(deployment, "keys", LATCHKEY_DATABASE_URL="host=/nowhere user=latchkey_keys dbname=latchkey") as one:
        base = f"http://127.0.0.1:{one.metrics_port}"
        answer = processes.poll(
            lambda: (now := httpx.get(base + "/readyz")).status_code == 503 and "database" in now.text and now,
            20, "it names what is missing",
        )  # fmt: skip
        # It checks its master keys by the database before it serves anything else.
        assert answer.text == "it is starting or stopping\nthe database cannot be reached\n"
        assert httpx.get(base + "/healthz").status_code == 200


class NotReady(topology.Replica):
    """One more process of a service that only tells of itself, for as long as the block."""

    def start(self):
        self.public_port = self.metrics_port
        super().start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def test_a_gateway_that_drains_is_not_ready_and_can_still_be_asked(deployment):
    """A request is held open, so that the gateway waits for its end."""
    with topology.gateway(deployment) as gateway:
        base = f"http://127.0.0.1:{gateway.metrics_port}"
        processes.poll(lambda: httpx.get(base + "/readyz").status_code == 200, 20, "it is ready")
        context = deployment.trust(alpn=["http/1.1"])
        with socket.create_connection(("127.0.0.1", gateway.public_port)) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as held:
                held.sendall(b"POST /api/v1/licenses/validate-key HTTP/1.1\r\nHost: localhost\r\n"
                             b"Content-Type: application/json\r\nContent-Length: 40\r\n\r\n{")  # fmt: skip
                processes.poll(
                    lambda: "latchkey_http_requests_in_flight 1\n" in httpx.get(base + "/metrics").text,
                    20, "the request is open",
                )  # fmt: skip
                os.kill(gateway.pid, 15)
                answer = processes.poll(
                    lambda: (now := httpx.get(base + "/readyz")).status_code == 503 and now, 20, "it is not ready"
                )
                assert answer.text == "it is starting or stopping\n"
                assert httpx.get(base + "/healthz").status_code == 200


# Traces.


def traceparent(trace_id, flags="01"):
    return f"00-{trace_id}-{uuid.uuid4().hex[:16]}-{flags}"


def test_a_trace_goes_from_the_client_through_every_process_to_the_database(api, traces):
    """Each span asked for by the one before, each process by its own name, and the client's state passed on."""
    product = api.product()
    trace_id, parent = uuid.uuid4().hex, None
    header = traceparent(trace_id)
    answer = api.get(f"/products/{product['id']}", headers={"traceparent": header, "tracestate": "vendor=t61,a@b=1"})
    assert answer.status_code == 200

    def is_whole(spans):
        return any(one["service"] == "latchkey-licenses" and one["name"] == "postgres" for one in spans.values())

    spans = traces.wait_for(trace_id, is_whole)
    database = next(one for one in spans.values() if one["service"] == "latchkey-licenses" and one["name"] == "postgres")
    spans = traces.wait_for(trace_id, lambda spans: follows(spans, database, header.split("-")[2]))
    chain = follows(spans, database, header.split("-")[2])
    assert [(one["service"], one["name"], one["kind"]) for one in chain] == [
        ("latchkey-gateway", "GET /api/v1/products/{id}", 2),
        ("latchkey-gateway", "latchkey.licenses.v1.Licenses/GetProduct", 3),
        ("latchkey-licenses", "latchkey.licenses.v1.Licenses/GetProduct", 2),
        ("latchkey-licenses", "postgres", 3),
    ]
    attributes = [collector.values(one["attributes"]) for one in chain]
    assert attributes[0]["http.response.status_code"] == 200
    assert attributes[0]["latchkey.request_id"] == answer.headers["x-request-id"]
    assert attributes[2]["rpc.grpc.status_code"] == 0
    assert "select" in attributes[3]["db.statement"] and product["id"] not in attributes[3]["db.statement"]
    assert all(one["traceState"] == "vendor=t61,a@b=1" for one in chain)
    for outer, inner in zip(chain, chain[1:]):
        assert int(outer["startTimeUnixNano"]) <= int(inner["startTimeUnixNano"]) + 1_000_000
        assert int(inner["endTimeUnixNano"]) <= int(outer["endTimeUnixNano"]) + 1_000_000
    assert traces.requests[-1]["Authorization"] == "Bearer collectors-own-secret-4711"


def follows(spans, last, first_parent):
    """The spans from the one that the client asked for to `last`; none while one is missing."""
    chain = [last]
    while chain[0]["parentSpanId"] != first_parent:
        if chain[0]["parentSpanId"] not in spans:
            return None
        chain.insert(0, spans[chain[0]["parentSpanId"]])
    return chain


def test_validations_that_share_a_query_share_its_span(api, traces):
    """The one way that needs no task in any process, and ends in a batch."""
    key = api.license(api.catalogue())["key"]
    trace_id = uuid.uuid4().hex
    header = traceparent(trace_id)
    api.client.post("/api/v1/licenses/validate-key", json={"key": key}, headers={"traceparent": header})

    def database(spans):
        return next((one for one in spans.values() if one["name"] == "postgres" and one["service"] == "latchkey-licenses"
                     and follows(spans, one, header.split("-")[2])), None)  # fmt: skip

    spans = traces.wait_for(trace_id, database)
    names = [one["name"] for one in follows(spans, database(spans), header.split("-")[2])]
    assert names == [
        "POST /api/v1/licenses/validate-key", "latchkey.licenses.v1.Licenses/ValidateKey",
        "latchkey.licenses.v1.Licenses/ValidateKey", "batch license facts", "postgres",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "x" * 8000,
    ],
)
def test_nonsense_and_what_is_not_recorded_harm_nobody(api, traces, header):
    """The ratio is 0, so nothing begins by itself either."""
    headers = {} if header is None else {"traceparent": header, "tracestate": "=,=;,@"}
    assert api.get("/products", headers=headers).status_code == 200
    # What comes afterwards is behind it in the queue of the same process.
    trace_id = uuid.uuid4().hex
    api.get("/products", headers={"traceparent": traceparent(trace_id)})
    traces.wait_for(trace_id, lambda spans: any(one["name"] == "GET /api/v1/products" for one in spans.values()))
    assert not traces.trace("4bf92f3577b34da6a3ce929d0e0e4736") and not traces.trace("0" * 32)


# Logs.


def lines(deployment, service):
    text = (deployment.data_directory / "logs" / f"{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_each_request_is_a_line_with_what_operators_ask_for(deployment, api):
    ((account_id,),) = deployment.sql("select account_id from keys.accounts order by created_at limit 1;")
    answer = api.get("/products")
    request_id = answer.headers["x-request-id"]
    found = processes.poll(
        lambda: [one for one in lines(deployment, "gateway") if one.get("requestId") == request_id], 20, "the line"
    )
    assert len(found) == 1
    line = found[0]
    assert line["method"] == "GET" and line["route"] == "/api/v1/products" and line["status"] == "200"
    assert 0 < line["milliseconds"] < 60_000 and line["account"] == account_id and line["environment"] == "test"
    assert line["level"] == "info" and line["address"] == "127.0.0.1"
    # The service that was asked has the same request, at its debug level.
    call = next(one for one in lines(deployment, "licenses") if one.get("requestId") == request_id)
    assert call["route"] == "/latchkey.licenses.v1.Licenses/ListProducts" and call["status"] == "OK"
    assert call["account"] == account_id and call["level"] == "debug"


@pytest.mark.parametrize(
    "path, body",
    [
        ("/api/v1/licenses/validate-key", {"key": True}),
        ("/api/v1/licenses/acquire", {"fingerprint": "machine-1"}),
        ("/api/v1/machines", {"fingerprint": "machine-1"}),
        # An answer without a body.
        ("/api/v1/licenses/release", {"fingerprint": "machine-1"}),
    ],
)
def test_a_license_key_tells_the_log_and_the_trace_its_account(deployment, api, traces, path, body):
    """The gateway cannot read it, so it is the service's word."""
    ((account_id,),) = deployment.sql("select account_id from keys.accounts order by created_at limit 1;")
    key = api.license(api.catalogue())["key"]
    trace_id = uuid.uuid4().hex
    headers = {"traceparent": traceparent(trace_id)}
    if "key" in body:
        body = {"key": key}
    else:
        headers["authorization"] = f"License {key}"
    answer = api.client.post(path, json=body, headers=headers)
    assert answer.status_code in (200, 201, 204), answer.text
    (line,) = processes.poll(
        lambda: [
            one for one in lines(deployment, "gateway")
            if one.get("requestId") == answer.headers["x-request-id"] and one["message"] == "request"
        ], 20, "the line",
    )  # fmt: skip
    assert line["account"] == account_id and "actor" not in line and "environment" not in line
    name = f"POST {path}"
    spans = traces.wait_for(trace_id, lambda spans: any(one["name"] == name for one in spans.values()))
    span = next(one for one in spans.values() if one["name"] == name)
    assert collector.values(span["attributes"])["latchkey.account"] == account_id


def test_a_path_that_is_nobodys_is_not_in_the_log(deployment, api):
    secret = f"LIC-{uuid.uuid4().hex[:4].upper()}-9999-8888-7777"
    answer = api.client.get(f"/licenses/{secret}?key={secret}")
    assert answer.status_code == 404
    request_id = answer.headers["x-request-id"]
    line = processes.poll(
        lambda: [one for one in lines(deployment, "gateway") if one.get("requestId") == request_id], 20, "the line"
    )[0]
    assert line["route"] == "other" and line["status"] == "404"
    assert secret.encode() not in logscan.logs(deployment)


def test_no_process_logs_a_secret(deployment, used):
    """One of every kind that there is, made as users make it, and every file of the deployment, in any disguise."""
    from EndToEnd import test_dump

    account = accounts.create(deployment, "Logged")
    with account.api("live") as api:
        secrets = [secret for make in test_dump.MAKERS for secret in make(account, api)]
    secrets += [Secret("file", text) for text in logscan.secret_files(deployment)]
    secrets.append(Secret("collector", "collectors-own-secret-4711"))
    text = logscan.logs(deployment)
    # It is the log of all that: each process has something to say.
    for service in deployments.SERVICES:
        assert len(lines(deployment, service)) > 5, service
    assert text.count(b'"level":"debug"') > 100
    # Codes of six digits are found in numbers by accident.
    assert dumps.found(text, [one for one in secrets if len(one.text) >= 10]) == []
    assert logscan.leaks(text, logscan.SEEN) == []


def test_the_search_finds_what_is_there():
    planted = "lk_live_" + "a1B2" * 9
    words = {planted, "a horse in the garden", "LIC-AAAA-BBBB-CCCC-DDDD", "bm90aGluZy8rdG8=/c2Vl"}
    for secret in words:
        for place in ("x {}", "GET /licenses/{}/machines", "key={}", "https://localhost:8443/?token={}&x=1"):
            text = json.dumps({"message": place.format(secret), "other": 1}).encode()
            assert logscan.leaks(text, words) == [secret], place
    assert logscan.leaks(b'{"message":"nothing"}', words) == []


def test_logs_of_whatever_is_started_are_searched_at_the_end(deployment, tmp_path):
    with topology.gateway(deployment) as more:
        assert more.server.log in logscan.FILES
    # A deployment that is removed leaves its logs, and what was secret in it.
    other = deployments.Deployment(tmp_path / "other.log")
    for name, text in (("logs/keys.log", "a line\n"), ("secrets/latchkey_keys.password", "0123456789abcdef" * 3)):
        (other.data_directory / name).parent.mkdir()
        (other.data_directory / name).write_text(text)
    known = set(logscan.FILES)
    assert other.stop() == {} and not other.data_directory.exists()
    assert [file.read_text() for file in logscan.FILES - known] == ["a line\n"]
    assert "0123456789abcdef" * 3 in logscan.SEEN


@pytest.mark.parametrize("service", deployments.SERVICES)
def test_a_program_says_whether_its_process_is_ready(deployment, service):
    """What a container's health check runs, since there is no curl in the image."""
    address = deployment[f"LATCHKEY_{service.upper()}_METRICS_ADDRESS"]
    for listen, status in ((address, 0), (f"127.0.0.1:{processes.free_port()}", 1)):
        done = subprocess.run(
            [processes.binary(f"latchkey-{service}"), "ready"],
            env={"LATCHKEY_METRICS_LISTEN": listen},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == status, done.stderr
        assert (done.stderr == "") == (status == 0)
