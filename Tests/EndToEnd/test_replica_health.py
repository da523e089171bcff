"""A replica that is up and has lost its database: who calls it goes to the other one, and users notice nothing."""

import contextlib
import re

import httpx
import pytest

from harness import processes, relay, rest, topology


@pytest.fixture(scope="module")
def pair(deployment):
    """A second licenses process whose way to the database can be cut, and a gateway that calls it and the first one."""
    known = topology.settings_of(deployment, "licenses")["LATCHKEY_DATABASE_URL"]
    port = re.search(r"\bport=(\d+)", known)[1]
    with contextlib.ExitStack() as stack:
        cable = stack.enter_context(relay.Relay(deployment.data_directory / "run" / f".s.PGSQL.{port}"))
        url = re.sub(r"host='[^']*'", f"host='{cable.folder}'", known)
        assert cable.folder in url, known
        licenses = topology.Replica(deployment, "licenses", LATCHKEY_DATABASE_URL=url)
        stack.callback(licenses.stop)
        licenses.wait_until_ready()
        addresses = f"127.0.0.1:{deployment.rpc_port('licenses')},{licenses.address}"
        gateway = stack.enter_context(topology.gateway(deployment, LATCHKEY_LICENSES_ADDRESS=addresses))
        gateway.wait_until_ready()
        yield cable, licenses, gateway


def metric(replica, line):
    """The value of a metric of one process; 0 while it has none."""
    text = httpx.get(f"http://127.0.0.1:{replica.metrics_port}/metrics").text
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.M)
    return int(float(found[1])) if found else 0


def test_a_replica_that_has_lost_its_database_gets_no_calls_until_it_has_it_again(deployment, pair):
    cable, licenses, gateway = pair

    def serving():
        return metric(gateway, 'latchkey_rpc_client_connections_serving{service="licenses"}')

    def answered():
        name = "latchkey_rpc_server_calls_total"
        return metric(licenses, f'{name}{{service="latchkey.licenses.v1.Licenses",method="GetProduct",code="OK"}}')

    with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"], url=gateway.url) as api:
        path = f"/products/{api.product()['id']}"

        def reaches_it():
            before = answered()
            for _ in range(20):
                rest.expect_data(api.get(path))
            return answered() > before

        processes.poll(lambda: serving() == 4, 20, "both replicas are called")
        processes.poll(reaches_it, 20, "the second one has its turn")

        cable.cut()
        # Those that it refuses before it has said that it does not serve are answered by the other one.
        for _ in range(100):
            rest.expect_data(api.get(path))
        processes.poll(lambda: serving() == 2, 20, "the second one is called no more")
        assert metric(gateway, 'latchkey_rpc_client_connections{service="licenses"}') == 4
        # What nobody may repeat fails as little.
        for _ in range(20):
            api.product()

        cable.mend()
        processes.poll(lambda: serving() == 4, 20, "it is called again")
        processes.poll(reaches_it, 20, "the second one has its turn again")
