"""Two gateways before two processes of licenses, as Services/DEPLOYING.md has them started: clients of both, and of a
balancer before them, while processes are killed and stopped."""

import contextlib
import os
import signal

import httpx
import pytest

from harness import chaos, neighbours, processes, rest
from harness.guide import Guide, put
from harness.stack import PROJECT

GUIDE = Guide("DEPLOYING.md")
CLIENTS = 4
# A name is asked for again every 30 s.
FOUND_SECONDS = 60


class Gateways:
    """What clients need of gateways, and where they are."""

    def __init__(self, stack, ports):
        self.deployment, self.ports = stack, ports
        self.urls = [f"https://localhost:{port}" for port in ports]


@pytest.fixture(scope="module")
def key(stack):
    """A license of before."""
    return stack.license()


@pytest.fixture(scope="module")
def gateways(stack, key):
    (block,) = GUIDE.blocks("sh", "Two gateways and more")
    ports = processes.free_ports(2)
    block = put(block, {"LATCHKEY_PORT=8443-8444": f"LATCHKEY_PORT=127.0.0.1:{ports[0]}-{ports[-1]}"})
    tell = GUIDE.command("docker compose port")[2:]
    # Clients ask as fast as they can, all from one address.
    with stack.changed(LATCHKEY_RATE_LIMITS="off"):
        stack.type(block)
        published = set()
        for number in (1, 2):
            for service in ("gateway", "licenses"):
                stack.wait_until_healthy(service, number)
            said = stack.compose(*(word.replace("N", str(number)) for word in tell)).strip()
            published.add(int(said.removeprefix("127.0.0.1:")))
        assert published == set(ports)
        yield Gateways(stack, ports)
    for service in ("gateway", "licenses"):
        assert len(stack.containers(service)) == 1


def answered(stack, number):
    """The calls that a process of licenses has answered to other services."""
    return stack.metric("latchkey_rpc_server_calls_total", "licenses", number)


def test_each_gateway_answers_by_both_processes_of_licenses(stack, gateways):
    for number in (1, 2):
        one = Gateways(stack, [gateways.ports[number - 1]])
        with chaos.Load(one, CLIENTS) as load:
            before = [answered(stack, other) for other in (1, 2)]

            def both_have_answered():
                return all(answered(stack, other) > before[other - 1] + 100 for other in (1, 2))

            processes.poll(lambda: both_have_answered() or load.wrong, FOUND_SECONDS, "both are called", 0.5)
        assert not load.wrong, load.wrong


def test_a_killed_process_of_licenses_loses_nothing_that_a_client_may_not_ask_again(stack, gateways):
    with chaos.Load(gateways, CLIENTS) as load:
        before = stack.inspect("licenses", 2)
        os.kill(before["State"]["Pid"], signal.SIGKILL)
        load.advance()
        processes.poll(
            lambda: stack.inspect("licenses", 2)["RestartCount"] > before["RestartCount"], 30, "it is started again"
        )
        stack.wait_until_healthy("licenses", 2)
        load.advance()
    # Every answer that was none of the expected ones would be here.
    assert not load.wrong, load.wrong
    print(f"{load.total} answers, repeated: {dict(load.repeated)}")
    chaos.expect_nothing_lost(stack.sql)


BLOCKS = dict(zip(("where users call", "metrics"), Guide("SCALING.md").blocks("haproxy", "In front of two gateways")))
WRITTEN = ("10.0.0.5:8443", "10.0.0.6:8443")


def configuration(check):
    """What the page has a reader write for HAProxy, with the check where users call or at the metrics' port."""
    if check == "where users call":
        return BLOCKS[check]
    (line,) = (line for line in BLOCKS["where users call"].splitlines(True) if " default-server " in line)
    return put(BLOCKS["where users call"], {line: BLOCKS[check]})


def both_are_up(stack, name):
    return neighbours.checked_servers(stack.engine, name) == dict.fromkeys(("one", "two"), ("UP", "L7OK"))


@contextlib.contextmanager
def balancer(stack, images, folder, text, network):
    """HAProxy with a configuration, when it has found both gateways to be well."""
    files = {"/etc/haproxy/latchkey.cfg": text, "/etc/haproxy/latchkey-ca.pem": stack.authority}
    mounts = neighbours.written(folder, files)
    with neighbours.neighbour(stack.engine, images, *neighbours.HAPROXY, mounts=mounts, network=network) as name:

        processes.poll(lambda: both_are_up(stack, name), 20, "both servers are up", 0.5)
        yield name


@pytest.mark.parametrize("check", BLOCKS)
def test_haproxy_takes_what_the_page_says(check, engine, images, stack, tmp_path):
    files = {"/etc/haproxy/latchkey.cfg": configuration(check), "/etc/haproxy/latchkey-ca.pem": stack.authority}
    words = ("run", "--rm", "--network", "none", *neighbours.written(tmp_path, files), images.NEIGHBOURS)
    engine.docker(*words, *neighbours.HAPROXY, "-c")


def test_gateways_are_replaced_behind_a_balancer_without_a_failed_request(stack, images, gateways, tmp_path):
    """One after the other, each when the one before is healthy."""
    port = processes.free_port()
    places = {"bind :443": f"bind 127.0.0.1:{port}"}
    places |= {written: f"127.0.0.1:{gateway}" for written, gateway in zip(WRITTEN, gateways.ports)}
    with (
        balancer(stack, images, tmp_path, put(configuration("where users call"), places), "host") as name,
        chaos.Load(Gateways(stack, [port]), CLIENTS) as load,
    ):
        for number in (1, 2):
            stack.engine.docker("stop", "--time", "40", stack.container("gateway", number))
            load.advance()
            stack.engine.docker("start", stack.container("gateway", number))
            stack.wait_until_healthy("gateway", number)
            processes.poll(lambda: both_are_up(stack, name), 20, "both servers are up", 0.5)
            load.advance()
    assert not load.wrong, load.wrong
    assert set(load.repeated) <= chaos.ORDERLY, load.repeated
    print(f"{load.total} answers, connections that ended: {dict(load.repeated)}")


def test_a_balancer_may_ask_for_health_where_metrics_are(stack, images, gateways, key, tmp_path):
    """In the network of the services, where this port is to be found."""
    addresses = [stack.address("gateway", "services", number) for number in (1, 2)]
    places = {written: f"{address}:8443" for written, address in zip(WRITTEN, addresses)}
    with balancer(stack, images, tmp_path, put(configuration("metrics"), places), f"{PROJECT}_services") as name:
        address = stack.engine.inspect(name)["NetworkSettings"]["Networks"][f"{PROJECT}_services"]["IPAddress"]
        asked = {"headers": {"host": "localhost"}, "extensions": {"sni_hostname": "localhost"}}

        def is_valid():
            with httpx.Client(base_url=f"https://{address}", verify=stack.trust(), timeout=15) as client:
                answer = client.post("/api/v1/licenses/validate-key", json={"key": key}, **asked)
            return rest.expect_data(answer)["valid"]

        assert is_valid()
        # One that is gone is found out, and the other one has all requests.
        stack.engine.docker("stop", "--time", "40", stack.container("gateway", 2))
        processes.poll(
            lambda: neighbours.checked_servers(stack.engine, name)["two"][0] == "DOWN", 30, "it is taken out", 0.5
        )
        assert is_valid() and is_valid()
        stack.engine.docker("start", stack.container("gateway", 2))
        stack.wait_until_healthy("gateway", 2)
