"""Each clause of RFC 9113 and RFC 7541 against the RPC port and the gateway."""

import pytest

from Conformance.clauses import CLAUSES
from harness import processes
from harness.wire import Peer

# Where nghttpd, the reference for the clauses themselves, does less than they ask.
REFERENCE_DEVIATIONS = {
    "5.1.1/smaller-identifier": "nghttp2 ignores HEADERS of a stream that it takes for closed",
    "10.5.1/header-list-too-large": "nghttpd takes field sections of this size",
}


def pytest_generate_tests(metafunc):
    names = metafunc.config.getoption("--targets").split(",")
    metafunc.parametrize("target_name", names)


@pytest.mark.parametrize("clause", CLAUSES, ids=[clause.identifier for clause in CLAUSES])
def test_clause(clause, target_name, request):
    if target_name == "reference" and clause.identifier in REFERENCE_DEVIATIONS:
        pytest.xfail(REFERENCE_DEVIATIONS[clause.identifier])
    target = request.getfixturevalue(f"{target_name}_target")
    with Peer(target, clause.handshake, clause.own_settings) as peer:
        clause.check(peer)
    # Whatever was said, the server lives and answers the next client.
    assert processes.running(target.pid), "the server has ended"
    with Peer(target) as bystander:
        bystander.send_request(1)
        bystander.expect_response(1)
