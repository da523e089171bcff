"""`--workers N`: several processes share a service's ports and work; their parent keeps them running and serves nothing."""

import os
import re
import signal
import ssl
import subprocess
import threading
import time

import httpx
import pytest

from harness import deployment as deployments
from harness import held, processes, rest, topology
from harness.certificates import Certificates

WORKERS = 2
# A restart with backoff, of a debug build on a busy machine.
RESTART_SECONDS = 20
# How often processes look at their certificates by themselves.
RELOAD_SECONDS = 10
# A worker that has run for this long counts as well.
WELL_SECONDS = 10


@pytest.fixture(scope="module")
def shared(logs):
    """A deployment in which every service has workers."""
    one = deployments.Deployment(logs / "workers.log", settings={"LATCHKEY_WORKERS": str(WORKERS)})
    one.start()
    try:
        # Before anything else is asked of them.
        one.readiness = {
            service: httpx.get(f"http://{one.metrics_address(service)}/readyz").text
            for service in deployments.SERVICES
        }
        yield one
    finally:
        left = one.stop()
    assert not left, f"still running: {left}"


@pytest.fixture(scope="module")
def api(shared):
    with rest.Api(shared, shared["LATCHKEY_TEST_API_KEY"]) as client:
        yield client


def workers(deployment, service):
    """Its workers by number, {number: pid}."""
    return workers_below(deployment.pid(service), service)


def workers_below(parent, service):
    """The workers of a process by number, {number: pid}."""
    found = {}
    for pid, line in processes.descendants(parent).items():
        number = re.search(r" --worker=(\d+) ", line)
        assert number and line.split(" ")[0].endswith(f"latchkey-{service}"), line
        found[int(number[1])] = pid
    return found


def connect(deployment):
    """A connection of its own, which the kernel gives to one of the gateway's workers."""
    return httpx.Client(verify=deployment.trust(), base_url=deployment.url)


def validate(client, key):
    answer = client.post("/api/v1/licenses/validate-key", json={"key": key})
    return rest.expect_data(answer)["code"]


@pytest.mark.parametrize("service", deployments.SERVICES)
def test_every_service_has_them(service, shared):
    found = workers(shared, service)
    assert sorted(found) == list(range(1, WORKERS + 1))


def test_a_deployment_is_ready_when_all_of_them_are(shared):
    """A connection that one worker serves says nothing of the others."""
    assert shared.readiness == dict.fromkeys(deployments.SERVICES, "ok\n")


def metrics(deployment, service):
    answer = httpx.get(f"http://{deployment.metrics_address(service)}/metrics")
    assert answer.status_code == 200
    return answer.text


def sample(text, name, worker):
    found = re.search(rf'^{name}{{worker="{worker}"[^}}]*}} (\S+)$', text, re.M)
    return float(found[1]) if found else None


def test_the_kernel_spreads_connections_and_the_parent_has_none(shared, api):
    """Each connection stays with one worker; of many, each gets some."""
    key = api.license(api.catalogue())["key"]
    for _ in range(40):
        with connect(shared) as client:
            assert validate(client, key) == "VALID"
    text = metrics(shared, "gateway")
    accepted = [
        sample(text, "latchkey_connections_accepted_total", number + 1) for number in range(WORKERS)
    ]
    assert sum(accepted) >= 40 and all(accepted), accepted
    # The parent listens for them, and serves none.
    assert not re.search(r"^latchkey_connections_accepted_total{server", text, re.M)


@pytest.mark.parametrize("service", deployments.SERVICES)
def test_one_scrape_tells_of_all(service, shared):
    text = metrics(shared, service)
    promtool = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert promtool.returncode in (0, 3) and "error" not in promtool.stderr.lower(), promtool.stderr
    assert text.count("# TYPE latchkey_service_ready gauge") == 1
    assert f"latchkey_workers {WORKERS}\n" in text and "\nlatchkey_service_ready 1\n" in text
    documented = (processes.REPOSITORY / "Services" / "OBSERVING.md").read_text()
    for name, help in re.findall(r"^# HELP (latchkey_worker\S*) (.*)$", text, re.M):
        assert f"| `{name}` | {help} |" in documented
    for number in range(1, WORKERS + 1):
        assert sample(text, "latchkey_worker_up", number) == 1
        assert sample(text, "latchkey_service_ready", number) == 1
        assert sample(text, "process_resident_memory_bytes", number) > 1e6
    base = f"http://{shared.metrics_address(service)}"
    assert httpx.get(base + "/readyz").text == "ok\n"
    assert httpx.get(base + "/healthz").text == "ok\n"
    assert httpx.get(base + "/elsewhere").status_code == 404
    assert httpx.post(base + "/readyz").status_code == 405


def test_readiness_is_that_of_all(shared):
    """One that does not answer is named; the parent itself lives."""
    base = f"http://{shared.metrics_address('licenses')}"
    worker = workers(shared, "licenses")[2]
    processes.stop(worker)
    try:
        answer = httpx.get(base + "/readyz", timeout=10)
        assert (answer.status_code, answer.text) == (503, "worker 2: it does not answer\n")
        # As a container's health check asks.
        asked = subprocess.run(
            [processes.binary("latchkey-licenses"), "ready"],
            env={"LATCHKEY_METRICS_LISTEN": shared.metrics_address("licenses")},
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert asked.returncode == 1 and "worker 2: it does not answer" in asked.stderr
        assert sample(httpx.get(base + "/metrics", timeout=10).text, "latchkey_worker_up", 2) == 0
        assert httpx.get(base + "/healthz").status_code == 200
    finally:
        processes.go_on(worker)
    processes.poll(lambda: httpx.get(base + "/readyz").status_code == 200, RESTART_SECONDS, "ready again")


def test_a_worker_that_dies_is_replaced_and_its_connections_wait(shared, api):
    """New connections that the kernel gives to the dead worker's socket wait there for its successor: none is refused."""
    key = api.license(api.catalogue())["key"]
    before = workers(shared, "gateway")
    seen = sample(metrics(shared, "gateway"), "latchkey_worker_ends_total", 1)
    processes.kill(before[1])
    for _ in range(20):
        with connect(shared) as client:
            assert validate(client, key) == "VALID"
    after = workers(shared, "gateway")
    assert after[2] == before[2] and after[1] != before[1]
    processes.poll(
        lambda: sample(metrics(shared, "gateway"), "latchkey_worker_ends_total", 1) == seen + 1,
        RESTART_SECONDS,
        "it is counted",
    )


def test_signals_are_for_the_parent(shared, tmp_path):
    """SIGHUP reaches every worker, which shows its new certificate and goes on; SIGTERM drains all, and nothing is left."""
    certificates = Certificates(tmp_path)
    certificate, key = certificates.issue("localhost")
    files = {"LATCHKEY_TLS_CERT_FILE": certificate, "LATCHKEY_TLS_KEY_FILE": key}
    with topology.gateway(shared, LATCHKEY_WORKERS="3", **files) as one:
        one.wait_until_ready()
        found = processes.descendants(one.pid)
        assert len(found) == 3, found
        begun = time.monotonic()
        # Without a signal a changed certificate would be seen once in so long, so two of them would not.
        for _ in range(2):
            before = certificates.shown(one.public_port, "localhost")
            certificates.issue("localhost")
            os.kill(one.pid, signal.SIGHUP)
            # The kernel chooses the worker; of so many connections each has some.
            processes.poll(
                lambda: all(
                    certificates.shown(one.public_port, "localhost") != before for _ in range(20)
                ),
                RELOAD_SECONDS,
                "every worker shows the new certificate",
            )
        assert time.monotonic() - begun < RELOAD_SECONDS
        trust = ssl.create_default_context(cafile=certificates.ca_file)
        with httpx.Client(verify=trust, base_url=one.url) as client:
            assert validate(client, "LIC-0000-0000-0000-0000") == "NOT_FOUND"
        assert processes.descendants(one.pid) == found
        one.stop()
        assert one.server.process.returncode == 0
        assert not any(processes.running(pid) for pid in found)


def test_workers_end_with_their_parent(shared):
    """Even when it is killed: nobody would start them again, or stop them."""
    with topology.gateway(shared, LATCHKEY_WORKERS="2") as one:
        one.wait_until_ready()
        found = processes.descendants(one.pid)
        assert len(found) == 2
        one.kill()
        processes.poll(
            lambda: not any(processes.running(pid) for pid in found), RESTART_SECONDS, "workers end"
        )


def test_a_parent_that_was_killed_can_be_started_again_at_once(shared):
    """Its workers give the ports back as soon as it is gone, though they drain for as long as a request is under way."""
    with topology.gateway(shared, LATCHKEY_WORKERS="2") as one:
        one.wait_until_ready()
        found = processes.descendants(one.pid)
        with held.Request(one) as request:
            one.kill()
            one.start()
            one.wait_until_ready()
            assert any(processes.running(pid) for pid in found), "the request keeps none of them"
            status, answer = request.finish()
        assert status == 200 and answer["data"]["code"] == "NOT_FOUND"
        processes.poll(
            lambda: not any(processes.running(pid) for pid in found), RESTART_SECONDS, "workers end"
        )
        with httpx.Client(verify=shared.trust(), base_url=one.url) as client:
            assert validate(client, "LIC-0000-0000-0000-0000") == "NOT_FOUND"


def test_settings_that_are_refused_at_the_start_end_all(shared, tmp_path):
    """A file that was spoilt before any worker was known to be well: no other start would do either."""
    file = tmp_path / "settings"
    file.write_text("LATCHKEY_LOG_LEVEL=info\n")
    with topology.gateway(shared, LATCHKEY_WORKERS="2", LATCHKEY_CONFIG=str(file)) as one:
        found = processes.poll(
            lambda: list(processes.descendants(one.pid)), RESTART_SECONDS, "workers are started"
        )
        file.write_text("LATCHKEY_LOG_LEVEL=loud\n")
        processes.kill(found[0])
        assert one.server.process.wait(RESTART_SECONDS) == 78
        assert not any(processes.running(pid) for pid in found)


def test_a_worker_that_cannot_start_leaves_the_others_alone(shared, tmp_path):
    """A file that is spoilt while all are well: every connection goes to those that serve, and the one comes back."""
    file = tmp_path / "settings"
    file.write_text("LATCHKEY_LOG_LEVEL=info\n")
    with topology.gateway(shared, LATCHKEY_WORKERS="2", LATCHKEY_CONFIG=str(file)) as one:
        one.wait_until_ready()
        well = time.monotonic() + WELL_SECONDS
        processes.poll(lambda: time.monotonic() > well, WELL_SECONDS + 5, "they are well")
        found = workers_below(one.pid, "gateway")
        file.write_text("LATCHKEY_LOG_LEVEL=loud\n")
        processes.kill(found[1])
        # By then the pause is of seconds.
        processes.poll(
            lambda: one.server.text().count("worker 1 has ended (exit status 78)") >= 6,
            RESTART_SECONDS,
            "it has failed again and again",
        )
        for _ in range(10):
            with httpx.Client(verify=shared.trust(), base_url=one.url) as client:
                assert validate(client, "LIC-0000-0000-0000-0000") == "NOT_FOUND"
        assert workers_below(one.pid, "gateway")[2] == found[2]
        file.write_text("LATCHKEY_LOG_LEVEL=info\n")
        one.wait_until_ready()
        after = workers_below(one.pid, "gateway")
        assert sorted(after) == [1, 2] and after[2] == found[2]


def test_a_taken_port_stops_the_start(shared):
    """Sockets that share a port would not keep each other out: a second service there must not go unnoticed."""
    settings = topology.settings_of(shared, "gateway") | {
        "LATCHKEY_WORKERS": "2",
        "LATCHKEY_RPC_LISTEN": f"127.0.0.1:{processes.free_port()}",
        "LATCHKEY_METRICS_LISTEN": f"127.0.0.1:{processes.free_port()}",
    }
    done = subprocess.run(
        [processes.binary("latchkey-gateway")], env=settings, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{shared.port}: address already in use" in done.stderr


def test_two_things_at_one_place_stop_the_start(shared):
    """As without workers: neither of them is left out."""
    place = f"127.0.0.1:{processes.free_port()}"
    settings = topology.settings_of(shared, "licenses") | {
        "LATCHKEY_WORKERS": "2",
        "LATCHKEY_RPC_LISTEN": place,
        "LATCHKEY_METRICS_LISTEN": place,
    }
    done = subprocess.run(
        [processes.binary("latchkey-licenses")], env=settings, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert f"Cannot listen on {place}: address already in use" in done.stderr


def test_seats_are_not_oversold_by_workers(shared, api):
    """What they share is in Postgres: five seats are five, whoever is asked."""
    license = api.license(api.catalogue(maxMachines=5))
    codes = []

    def activate(number):
        with connect(shared) as client:
            answer = client.post(
                "/api/v1/machines",
                json={"fingerprint": f"{number:064d}"},
                headers={"authorization": f"License {license['key']}"},
            )
            codes.append(answer.status_code)

    threads = [threading.Thread(target=activate, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [201] * 5 + [422] * 25, codes
