"""Shared fixtures and options of the outside-in tests; see EndToEnd/README.md."""

import pytest

from harness import accounts, interop, logscan, processes, reference, rest, slow, users, wire
from harness import deployment as deployments


def pytest_addoption(parser):
    parser.addoption(
        "--targets",
        default="rpc,gateway",
        help="which servers the HTTP/2 clauses are put to: rpc, gateway, interop, and "
        "reference (nghttpd, which shows that the clauses themselves are right)",
    )
    parser.addoption(
        "--chaos-rounds",
        type=int,
        default=1,
        help="how often each replica is restarted, and how often it is killed",
    )
    parser.addoption("--chaos-clients", type=int, default=8, help="clients that ask meanwhile")


@pytest.fixture(scope="session", autouse=True)
def logs(tmp_path_factory):
    """The folder for logs; pytest keeps it, and says where a failed start left its own.

    At the end, when everything that was started has ended, all that any service has logged is searched.
    """
    yield tmp_path_factory.mktemp("logs")
    # Whatever the run has shown to anybody, no process may have written down.
    leaks = logscan.leaks_of_the_run()
    assert leaks == {}, f"secrets are in {len(leaks)} logs"


@pytest.fixture(scope="session")
def deployment(logs):
    """One Latchkey for the whole run. Tests that stop or break one start their own."""
    # All that services ever write down, since it is searched for secrets.
    settings = {"LATCHKEY_LOG_LEVEL": "debug", "LATCHKEY_REQUEST_LOG": "on"}
    one = deployments.Deployment(logs / "latchkey-up.log", settings=settings)
    one.start()
    try:
        yield one
    finally:
        left = one.stop()
    assert not left, f"still running after the end: {left}; log: {one.log}"


@pytest.fixture(scope="session")
def api(deployment):
    """The REST API with a test key of full access, over HTTP/1.1."""
    with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as client:
        yield client


@pytest.fixture(scope="session")
def live_api(deployment):
    """The same account's live environment."""
    with rest.Api(deployment, deployment["LATCHKEY_LIVE_API_KEY"]) as client:
        yield client


@pytest.fixture(scope="session")
def foreign_api(deployment):
    """The test environment of a second account, made as the operator does it."""
    with accounts.create(deployment).api() as client:
        yield client


@pytest.fixture(scope="session")
def foreign_owner(deployment):
    """The only owner of an account of their own, invited as the operator does it."""
    link = accounts.create(deployment).invitation(users.new_email())
    with users.User(deployment) as owner:
        yield owner.accept(link)


@pytest.fixture(scope="session")
def catalogue(api):
    """A product and a policy in the test environment."""
    return api.catalogue()


@pytest.fixture(scope="session")
def many_products(api):
    """Products enough that a list of them is a large answer."""
    for _ in range(50):
        api.product(description="x" * 1000)


@pytest.fixture
def gateway_target(deployment, many_products):
    return deployment.gateway_target()


@pytest.fixture
def rpc_target(deployment):
    return deployment.rpc_target()


@pytest.fixture(scope="session")
def interop_servers(logs):
    """Starts our RPC server with the published interop service, in plaintext on loopback; again
    where a test has brought it down, so that only this test fails."""
    log = logs / "rpc-interop-server.log"
    running = []

    def current():
        if not running or running[-1].process.poll() is not None:
            port = processes.free_port()
            arguments = [processes.binary("rpc-interop-server"), "--port", port]
            running.append(processes.Server(arguments, log, port))
        return running[-1]

    yield current
    for server in running:
        server.stop()


@pytest.fixture
def interop_server(interop_servers):
    server = interop_servers()
    yield server
    assert server.process.poll() is None, f"it ended:\n{server.text()[-3000:]}"


@pytest.fixture
def interop_target(interop_server):
    return wire.rpc_target("interop", interop_server.port, pid=interop_server.pid)


@pytest.fixture(scope="session")
def interop_messages():
    """The descriptors of Tests/Protos."""
    return interop.pool()


@pytest.fixture(scope="session")
def reference_target(tmp_path_factory):
    """nghttpd, as a server known to keep to RFC 9113."""
    with reference.serve(tmp_path_factory.mktemp("reference")) as target:
        yield target


@pytest.fixture(scope="session", autouse=True)
def slow_peers(request):
    """Slow peers of the targets, opened first of all when their test is to be run."""
    if not any(item.path.name == "test_slow_peers.py" for item in request.session.items):
        yield None
        return
    names = set(request.config.getoption("--targets").split(",")) - {"reference"}
    try:
        targets = {name: make_target(name, request) for name in names}
        all_of_them = slow.SlowPeers(slow.peers(targets))
    except Exception as error:  # Not every test needs these servers: theirs alone fails.
        print(error)
        yield None
        return
    yield all_of_them
    all_of_them.close()


def make_target(name, request):
    """A target for the whole run."""
    if name == "interop":
        server = request.getfixturevalue("interop_servers")()
        return wire.rpc_target("interop", server.port, pid=server.pid)
    deployment = request.getfixturevalue("deployment")
    return deployment.gateway_target() if name == "gateway" else deployment.rpc_target()
