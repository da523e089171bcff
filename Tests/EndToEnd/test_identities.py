"""Who may call what between processes: every method of every service, by every identity of a deployment."""

import contextlib

import grpc
import pytest

from harness import rpc

IDENTITIES = ("gateway", "keys", "licenses", "signing", "webhooks", "operator")
EVERYBODY = set(IDENTITIES)

# The whole of it: who may call a service's methods, and the methods that are for others.
TABLE = {
    "latchkey.keys.v1.Keys": (
        {"gateway"},
        {
            "CreateAccount": {"operator"},
            "IssueApiKey": {"operator"},
            "GetResponseSigningKey": {"gateway", "operator"},
        },
    ),
    "latchkey.users.v1.Users": ({"gateway"}, {"IssueInvitation": {"operator"}}),
    "latchkey.licenses.v1.Licenses": ({"gateway"}, {}),
    "latchkey.signing.v1.Signing": (
        {"gateway"},
        {
            "SignLicenseFiles": {"licenses"},
            "NoteStandings": {"licenses"},
            "ListFiles": {"licenses"},
            "RevokeFiles": {"licenses"},
            "GetPublicKeys": {"gateway", "keys", "licenses", "operator"},
        },
    ),
    "latchkey.webhooks.v1.Webhooks": ({"gateway"}, {}),
    "latchkey.sealing.v1.Sealing": ({"operator"}, {}),
    # A trunk carries calls, each of which is judged by itself.
    "latchkey.rpc.v1.Trunk": (EVERYBODY, {}),
    "grpc.health.v1.Health": (EVERYBODY, {}),
    "grpc.reflection.v1.ServerReflection": (EVERYBODY, {}),
    "grpc.reflection.v1alpha.ServerReflection": (EVERYBODY, {}),
}

SERVED = {
    "gateway": set(),
    "keys": {"latchkey.keys.v1.Keys", "latchkey.users.v1.Users", "latchkey.sealing.v1.Sealing"},
    "licenses": {"latchkey.licenses.v1.Licenses", "latchkey.sealing.v1.Sealing"},
    "signing": {"latchkey.signing.v1.Signing", "latchkey.sealing.v1.Sealing"},
    "webhooks": {"latchkey.webhooks.v1.Webhooks", "latchkey.sealing.v1.Sealing"},
}
EVERYWHERE = {name for name, (callers, _) in TABLE.items() if callers == EVERYBODY}

REFUSAL = "This identity may not call this method"
ANSWER_SECONDS = 10


@pytest.fixture(scope="module", params=SERVED)
def server(request, deployment):
    """A process, the services that its reflection describes, and a channel to it for each identity."""
    with contextlib.ExitStack() as stack:
        channels = {
            identity: stack.enter_context(rpc.channel(deployment, request.param, identity=identity))
            for identity in IDENTITIES
        }
        yield request.param, rpc.served(channels["operator"]), channels


def is_refused(channel, method):
    """Whether it is not for this identity to call; an empty message asks for nothing."""
    ask = channel.stream_stream(
        f"/{method.containing_service.full_name}/{method.name}", lambda raw: raw, lambda raw: raw
    )
    call = ask(iter([b""]), timeout=ANSWER_SECONDS)
    try:
        # The first answer is enough: some streams have no end.
        next(call, None)
    except grpc.RpcError as error:
        return error.code() == grpc.StatusCode.PERMISSION_DENIED and error.details() == REFUSAL
    finally:
        call.cancel()
    return False


def test_the_table_has_every_service_that_is_served(server):
    name, services, _ = server
    assert services.keys() == SERVED[name] | EVERYWHERE


def test_every_method_takes_calls_of_its_callers_alone(server):
    _, services, channels = server
    expected, found = {}, {}
    for name, service in services.items():
        callers, others = TABLE[name]
        methods = service.methods_by_name
        assert set(others) <= set(methods), f"{name} has no such methods"
        for method in methods.values():
            expected[method.full_name] = others.get(method.name, callers)
            found[method.full_name] = {
                identity for identity, channel in channels.items() if not is_refused(channel, method)
            }
    assert found == expected
