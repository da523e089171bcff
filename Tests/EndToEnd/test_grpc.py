"""Any gRPC client can call our services: grpcio against their RPC ports, and a few words by hand."""

import contextlib
import struct
import threading
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from harness import interop, processes, rpc, wire

SERVICES = {
    "keys": "latchkey.keys.v1.Keys",
    "licenses": "latchkey.licenses.v1.Licenses",
    "signing": "latchkey.signing.v1.Signing",
    "webhooks": "latchkey.webhooks.v1.Webhooks",
}
# What is served beside that and beside health and reflection.
BESIDE = {service: {"latchkey.sealing.v1.Sealing"} for service in SERVICES.values()}
BESIDE["latchkey.keys.v1.Keys"].add("latchkey.users.v1.Users")

# What our servers take at most; grpcio's own default.
MESSAGE_BYTES_MAX = 4 << 20

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture(scope="module", params=SERVICES)
def service(request, deployment):
    """The name of a service and a channel to it."""
    with rpc.channel(deployment, request.param) as channel:
        yield SERVICES[request.param], channel


@pytest.fixture
def open_client(interop_server, interop_messages):
    """Opens the interoperability service on a channel, and so a connection, of its own."""

    @contextlib.contextmanager
    def opened():
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        with grpc.insecure_channel(f"127.0.0.1:{interop_server.port}", options) as channel:
            yield interop.Client(channel, interop_messages)

    return opened


@pytest.fixture
def client(open_client):
    with open_client() as client:
        yield client


def test_health_says_serving(service):
    name, channel = service
    health = health_pb2_grpc.HealthStub(channel)
    for asked in ("", name):
        request = health_pb2.HealthCheckRequest(service=asked)
        assert health.Check(request, timeout=10).status == SERVING


def test_health_of_an_unknown_service_is_not_found(service):
    request = health_pb2.HealthCheckRequest(service="nobody.Knows")
    health = health_pb2_grpc.HealthStub(service[1])
    error = interop.failure(lambda: health.Check(request, timeout=10))
    assert error.code() == grpc.StatusCode.NOT_FOUND


def test_health_is_watched(service):
    name, channel = service
    health = health_pb2_grpc.HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=20)
    assert next(watch).status == SERVING
    watch.cancel()
    unknown = health.Watch(health_pb2.HealthCheckRequest(service="nobody.Knows"), timeout=20)
    assert next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    unknown.cancel()


def test_a_watcher_learns_that_a_server_stops(logs):
    """SIGTERM: first "not serving", then no new calls, and open ones are let through."""
    port = processes.free_port()
    arguments = [processes.binary("rpc-interop-server"), "--port", port]
    with processes.Server(arguments, logs / "draining.log", port) as server:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=20)
            assert next(watch).status == SERVING
            begun = time.monotonic()
            server.process.terminate()
            assert next(watch).status == NOT_SERVING
            assert server.process.wait(15) == 0
            assert time.monotonic() - begun < 15


def listed(channel, version):
    """The services that reflection lists."""
    ask = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    request = reflection_pb2.ServerReflectionRequest(list_services="*")
    answer = next(ask(iter([request]), timeout=10))
    return {service.name for service in answer.list_services_response.service}


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_lists_every_service(version, service):
    name, channel = service
    assert listed(channel, version) == BESIDE[name] | {
        name,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "latchkey.rpc.v1.Trunk",
    }


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_answers_each_question_of_a_stream(version, service):
    name, channel = service
    ask = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    questions = [
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=name),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="nobody.Knows"),
        reflection_pb2.ServerReflectionRequest(file_by_filename="nothing.proto"),
        reflection_pb2.ServerReflectionRequest(list_services=""),
    ]
    answers = list(ask(iter(questions), timeout=10))
    kinds = [answer.WhichOneof("message_response") for answer in answers]
    assert kinds == [
        "file_descriptor_response",
        "error_response",
        "error_response",
        "list_services_response",
    ]
    assert answers[1].error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert [answer.original_request for answer in answers] == questions


def test_every_listed_service_can_be_described(service):
    """What grpcurl does: every type of every method is found through reflection."""
    _, channel = service
    for name in listed(channel, "v1"):
        described = rpc.Service(channel, name).descriptor
        assert described.methods, name
        for method in described.methods:
            assert method.input_type.full_name and method.output_type.full_name


def test_a_method_refuses_who_may_not_call_it(deployment):
    """`operator` may make accounts, and cannot pass for the gateway."""
    with rpc.channel(deployment, "licenses") as channel:
        licenses = rpc.Service(channel, SERVICES["licenses"])
        request = licenses.message("ValidateKeyRequest", key="LIC-0000-0000-0000-0000")
        for metadata in ([], [("latchkey-caller-bin", b"\x0a\x00")]):
            error = interop.failure(
                lambda: licenses.ValidateKey(request, timeout=10, metadata=metadata)
            )
            assert error.code() == grpc.StatusCode.PERMISSION_DENIED, error


def test_bad_input_is_told_apart(deployment):
    with rpc.channel(deployment, "keys") as channel:
        keys = rpc.Service(channel, SERVICES["keys"])
        error = interop.failure(
            lambda: keys.CreateAccount(keys.message("CreateAccountRequest"), timeout=10)
        )
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error


def test_an_unknown_method_is_unimplemented(service):
    name, channel = service
    for path in (f"/{name}/Nothing", "/nobody.Knows/Nothing", "/", "//", "/x"):
        call = channel.unary_unary(path, lambda raw: raw, lambda raw: raw)
        error = interop.failure(lambda: call(b"", timeout=10))
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, (path, error)


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05ab", b"\x0b" * 200])
def test_a_malformed_message_is_refused(raw, client):
    call = client.channel.unary_unary(
        f"/{interop.SERVICE}/UnaryCall", lambda message: message, lambda message: message
    )
    error = interop.failure(lambda: call(raw, timeout=10))
    assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL), error
    client.empty_unary()


def test_a_message_over_the_limit_is_refused(client):
    request = client.message("SimpleRequest", payload=client.payload(MESSAGE_BYTES_MAX + 1))
    error = interop.failure(lambda: client.UnaryCall(request, timeout=10))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
    client.empty_unary()


def test_a_message_just_within_the_limit_is_taken(client):
    request = client.message(
        "SimpleRequest", response_size=1, payload=client.payload(MESSAGE_BYTES_MAX - 1024)
    )
    assert len(client.UnaryCall(request, timeout=20).payload.body) == 1


def test_gzip_is_refused_by_name(client):
    call = client.channel.unary_unary(
        f"/{interop.SERVICE}/EmptyCall", lambda raw: raw, lambda raw: raw
    )
    error = interop.failure(
        lambda: call(b"x" * 4000, timeout=10, compression=grpc.Compression.Gzip)
    )
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error


def test_a_deadline_ends_a_call_at_the_client(client):
    begun = time.monotonic()
    with interop.Conversation(client.FullDuplexCall, timeout=0.3) as conversation:
        error = interop.failure(conversation.hear)
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert 0.25 < time.monotonic() - begun < 5


def test_cancelled_calls_leave_nothing_behind(client, open_client, interop_server):
    """A thousand cancelled streams, and the server answers with as much memory as before."""

    def cancel_some():
        # A connection that resets a thousand streams at once is taken for a flood and closed.
        with open_client() as client:
            for _ in range(200):
                with interop.Conversation(client.FullDuplexCall) as conversation:
                    conversation.say(client.output_request(1))
                    conversation.hear()

    cancel_some()
    before = processes.resident_bytes(interop_server.pid)
    for _ in range(5):
        cancel_some()
    assert processes.resident_bytes(interop_server.pid) - before < 8 << 20
    client.empty_unary()


def test_a_thousand_calls_at_once_on_one_channel(client):
    request = client.message("SimpleRequest", response_size=300, payload=client.payload(150))
    calls = [client.UnaryCall.future(request, timeout=60) for _ in range(1000)]
    assert all(len(call.result().payload.body) == 300 for call in calls)


def test_a_thousand_health_checks_at_once(service):
    health = health_pb2_grpc.HealthStub(service[1])
    calls = [health.Check.future(health_pb2.HealthCheckRequest(), timeout=60) for _ in range(1000)]
    assert all(call.result().status == SERVING for call in calls)


def test_streams_are_served_side_by_side(client):
    """A hundred conversations open at once, each answered in its turn."""
    conversations = [interop.Conversation(client.FullDuplexCall) for _ in range(100)]
    try:
        for turn in range(3):
            for conversation in conversations:
                conversation.say(client.output_request(turn + 1))
            for conversation in reversed(conversations):
                assert len(conversation.hear().payload.body) == turn + 1
    finally:
        for conversation in conversations:
            conversation.__exit__()


def test_binary_metadata_survives_as_it_is(client):
    values = [bytes(range(256)), b"", b"\0", b"\xff" * 100]
    for value in values:
        metadata = [(interop.ECHO_TRAILING, value)]
        _, call = client.EmptyCall.with_call(
            client.message("Empty"), metadata=metadata, timeout=10
        )
        assert metadata[0] in call.trailing_metadata()


def test_metadata_over_the_limit_is_refused(client):
    metadata = [(f"x-{n}", "v" * 1000) for n in range(40)]
    error = interop.failure(
        lambda: client.EmptyCall(client.message("Empty"), metadata=metadata, timeout=10)
    )
    assert error.code() in (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    ), error
    client.empty_unary()


def test_large_streams_keep_their_order_and_size(client):
    """Flow control both ways: 8 MiB up and down in pieces that do not fit any window."""
    requests = [
        client.message("StreamingInputCallRequest", payload=client.payload(100_000))
        for _ in range(80)
    ]
    answer = client.StreamingInputCall(iter(requests), timeout=30)
    assert answer.aggregated_payload_size == 8_000_000
    sizes = [100_000 + n for n in range(80)]
    parameters = [client.message("ResponseParameters", size=size) for size in sizes]
    request = client.message("StreamingOutputCallRequest", response_parameters=parameters)
    got = [len(answer.payload.body) for answer in client.StreamingOutputCall(request, timeout=30)]
    assert got == sizes


def test_a_reader_that_pauses_loses_nothing(client):
    """The server waits for the client: no answer is dropped, and its memory stays small."""
    parameters = [client.message("ResponseParameters", size=100_000) for _ in range(100)]
    request = client.message("StreamingOutputCallRequest", response_parameters=parameters)
    answers = client.StreamingOutputCall(request, timeout=30)
    next(answers)
    threading.Event().wait(0.5)  # Pausing is what is tested here.
    assert sum(1 for _ in answers) == 99


# By hand: what grpcio never sends.


def ask(target, path, body, **fields):
    """One gRPC request in raw frames; gives the response."""
    with wire.Peer(target) as peer:
        extra = [(name.replace("_", "-"), value) for name, value in fields.items()]
        without = {name for name, _ in extra}
        headers = [
            (name, path if name == ":path" else value)
            for name, value in target.headers
            if name not in without
        ]
        peer.send_request(1, [*headers, *extra], body)
        return peer.expect_response(1)


def status(response):
    """The gRPC status of an answer, from its trailers or, without a body, from its headers."""
    return int(dict(response.trailers or response.headers)["grpc-status"])


EMPTY_CALL = f"/{interop.SERVICE}/EmptyCall"


def test_another_content_type_is_refused_with_415(interop_target):
    for kind in ("application/json", "text/plain", "application/grpcx"):
        assert ask(interop_target, EMPTY_CALL, bytes(5), content_type=kind).status == "415"


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto"])
def test_both_content_types_of_grpc_are_taken(kind, interop_target):
    response = ask(interop_target, EMPTY_CALL, bytes(5), content_type=kind)
    assert response.status == "200" and status(response) == 0
    assert dict(response.headers)["content-type"].startswith("application/grpc")


@pytest.mark.parametrize(
    "body, expected",
    [
        (b"", {13, 12, 3}),
        (bytes(4), {13, 3}),
        (struct.pack(">BI", 0, 10) + b"short", {13, 3}),
        (struct.pack(">BI", 0, 0xFFFFFFFF), {8}),
        (struct.pack(">BI", 0, MESSAGE_BYTES_MAX + 1), {8}),
        (struct.pack(">BI", 1, 0), {12, 13}),
        (struct.pack(">BI", 7, 0), {12, 13, 3}),
        (bytes(5) + bytes(5), {13, 12, 3}),
    ],
    ids=[
        "no message",
        "prefix cut short",
        "message cut short",
        "four gigabytes announced",
        "a byte too much announced",
        "compressed without an encoding",
        "unknown flag",
        "two messages to a unary method",
    ],
)
def test_a_broken_message_frame_is_refused(body, expected, interop_target):
    assert status(ask(interop_target, EMPTY_CALL, body)) in expected


def test_an_unknown_encoding_is_refused_by_name(interop_target):
    response = ask(interop_target, EMPTY_CALL, struct.pack(">BI", 1, 0), grpc_encoding="snappy")
    assert status(response) == 12
    assert dict(response.headers)["grpc-accept-encoding"] == "identity"


def test_the_server_keeps_to_the_deadline_by_itself(interop_target):
    """A client that says 200 ms and then nothing is answered DEADLINE_EXCEEDED by the server."""
    with wire.Peer(interop_target) as peer:
        headers = [
            (name, f"/{interop.SERVICE}/FullDuplexCall" if name == ":path" else value)
            for name, value in interop_target.headers
        ]
        begun = time.monotonic()
        peer.send_headers(1, [*headers, ("grpc-timeout", "200m")], wire.END_HEADERS)
        response = peer.expect_response(1)
        assert status(response) == 4
        assert 0.19 < time.monotonic() - begun < 5


@pytest.mark.parametrize("timeout", ["", "1", "m", "-1m", "1x", "1234567890m", "1.5S"])
def test_a_malformed_deadline_is_refused(timeout, interop_target):
    response = ask(interop_target, EMPTY_CALL, bytes(5), grpc_timeout=timeout)
    assert response.status in ("200", "400")
    assert status(response) in (3, 13), response.headers


@pytest.mark.parametrize("timeout", ["1H", "60M", "10S", "99999999m", "99999999u", "99999999H"])
def test_every_unit_of_a_deadline_is_read(timeout, interop_target):
    assert status(ask(interop_target, EMPTY_CALL, bytes(5), grpc_timeout=timeout)) == 0


def test_get_is_refused(interop_target):
    with wire.Peer(interop_target) as peer:
        peer.send_headers(1, interop_target.request(method="GET"))
        assert peer.expect_response(1).status in ("405", "400", "415")
