"""Two replicas of every service under load: restarted one after the other, and killed. `make chaos` is the long form."""

import os
import signal

import pytest

from harness import chaos, held, processes
from harness import deployment as deployments


@pytest.fixture(scope="module")
def rounds(request):
    return request.config.getoption("--chaos-rounds")


@pytest.fixture(scope="module")
def clients(request):
    return request.config.getoption("--chaos-clients")


@pytest.fixture(scope="module")
def replicas(logs):
    one = deployments.Deployment(logs / "replicated.log")
    one.start()
    try:
        all_of_them = chaos.Replicas(one)
        try:
            for replica in all_of_them:
                replica.wait_until_ready()
            yield all_of_them
        finally:
            all_of_them.stop()
    finally:
        left = one.stop()
    assert not left, f"still running: {left}"


def test_restarting_every_replica_fails_no_request(replicas, rounds, clients):
    """SIGTERM drains: what is under way is answered, what comes goes to the other one. A client sees connections that
    end, never an error."""
    with chaos.Load(replicas, clients) as load:
        for _ in range(rounds):
            for replica in replicas:
                seconds = replicas.restart(replica)
                assert seconds < chaos.STOP_SECONDS
                load.advance()
    assert not load.wrong, load.wrong
    assert set(load.repeated) <= chaos.ORDERLY, f"requests were dropped or refused: {load.repeated}"
    print(f"{load.total} answers, connections that ended: {dict(load.repeated)}")


def test_what_is_under_way_at_sigterm_is_answered(replicas):
    """Half of a request is there when SIGTERM comes. The gateway takes no connection any more, and waits for the rest."""
    gateway = replicas.by_service["gateway"][0]
    with held.Request(gateway) as request:
        os.kill(gateway.pid, signal.SIGTERM)
        processes.poll(
            lambda: not processes.accepts(gateway.public_port), chaos.STOP_SECONDS, "it takes no connection"
        )
        status, answer = request.finish()
    assert status == 200 and answer["data"]["code"] == "NOT_FOUND"
    assert gateway.server.process.wait(chaos.STOP_SECONDS) == 0
    gateway.start()
    gateway.wait_until_ready()


def test_killing_any_replica_gives_clear_errors_that_pass(replicas, rounds, clients):
    """kill -9: an answer that is lost is lost, so there is 503 where nobody can know what became of the request, and the
    next try is answered."""
    with chaos.Load(replicas, clients) as load:
        for _ in range(rounds):
            for replica in replicas:
                replicas.kill(replica)
                load.advance()
    assert not load.wrong, load.wrong
    print(f"{load.total} answers, repeated: {dict(load.repeated)}")


def test_nothing_was_lost_or_done_twice(replicas):
    chaos.expect_nothing_lost(replicas.deployment.sql)
