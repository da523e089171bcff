"""gRPC's published interoperability tests: the service in Python, and each case as a client."""

import concurrent.futures
import contextlib
import queue
import subprocess
import tempfile

import grpc
from google.protobuf import message_factory

from . import processes, rpc

SERVICE = "grpc.testing.TestService"
ECHO_INITIAL, ECHO_TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"


def pool():
    """The descriptors of Tests/Protos, by protoc."""
    folders = [processes.REPOSITORY / "Tests" / "Protos", processes.REPOSITORY / "Protos"]
    with tempfile.NamedTemporaryFile(suffix=".pb") as output:
        subprocess.run(
            [
                "protoc", *(f"-I{folder}" for folder in folders), "--include_imports",
                f"--descriptor_set_out={output.name}",
                "grpc/testing/test.proto", "peer/peer.proto",
            ],
            check=True, timeout=60,
        )  # fmt: skip
        return rpc.pool_of(output.read())


class Client(rpc.Service):
    """The client's side of each case, named as the published document names it."""

    def __init__(self, channel, descriptors):
        super().__init__(channel, SERVICE, descriptors)

    def payload(self, size):
        return self.message("Payload", body=bytes(size))

    def output_request(self, size, payload=0):
        return self.message(
            "StreamingOutputCallRequest",
            response_parameters=[self.message("ResponseParameters", size=size)],
            payload=self.payload(payload),
        )

    def empty_unary(self):
        assert self.EmptyCall(self.message("Empty"), timeout=10) == self.message("Empty")

    def large_unary(self):
        answer = self.UnaryCall(
            self.message("SimpleRequest", response_size=314159, payload=self.payload(271828)),
            timeout=10,
        )
        assert answer.payload.body == bytes(314159)

    def client_streaming(self):
        requests = [
            self.message("StreamingInputCallRequest", payload=self.payload(size))
            for size in (27182, 8, 1828, 45904)
        ]
        answer = self.StreamingInputCall(iter(requests), timeout=10)
        assert answer.aggregated_payload_size == 74922

    def server_streaming(self):
        sizes = [31415, 9, 2653, 58979]
        parameters = [self.message("ResponseParameters", size=size) for size in sizes]
        request = self.message("StreamingOutputCallRequest", response_parameters=parameters)
        answers = list(self.StreamingOutputCall(request, timeout=10))
        assert [len(answer.payload.body) for answer in answers] == sizes

    def ping_pong(self):
        pairs = [(31415, 27182), (9, 8), (2653, 1828), (58979, 45904)]
        with Conversation(self.FullDuplexCall) as conversation:
            for size, payload in pairs:
                conversation.say(self.output_request(size, payload))
                assert len(conversation.hear().payload.body) == size
            conversation.done()
            assert conversation.hear() is None
            assert conversation.call.code() == grpc.StatusCode.OK

    def empty_stream(self):
        assert list(self.FullDuplexCall(iter(()), timeout=10)) == []

    def cancel_after_begin(self):
        with Conversation(self.StreamingInputCall.future) as conversation:
            conversation.call.cancel()
            assert conversation.call.code() == grpc.StatusCode.CANCELLED

    def cancel_after_first_response(self):
        with Conversation(self.FullDuplexCall) as conversation:
            conversation.say(self.output_request(31415, 27182))
            assert len(conversation.hear().payload.body) == 31415
            conversation.call.cancel()
            assert conversation.call.code() == grpc.StatusCode.CANCELLED

    def timeout_on_sleeping_server(self):
        with Conversation(self.FullDuplexCall, timeout=0.001) as conversation:
            conversation.say(self.output_request(31415, 27182))
            code = failure(lambda: [conversation.hear() for _ in range(2)]).code()
            assert code == grpc.StatusCode.DEADLINE_EXCEEDED

    def custom_metadata(self):
        sent = [(ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, b"\xab\xab\xab")]
        request = self.message("SimpleRequest", response_size=1, payload=self.payload(1))
        _, call = self.UnaryCall.with_call(request, metadata=sent, timeout=10)
        self._echoed(call)
        with Conversation(self.FullDuplexCall, metadata=sent) as conversation:
            conversation.say(self.output_request(1))
            conversation.hear()
            conversation.done()
            assert conversation.hear() is None
            self._echoed(conversation.call)

    def _echoed(self, call):
        assert (ECHO_INITIAL, "test_initial_metadata_value") in call.initial_metadata()
        assert (ECHO_TRAILING, b"\xab\xab\xab") in call.trailing_metadata()

    def _refused(self, code, message):
        status = self.message("EchoStatus", code=code, message=message)
        request = self.message("SimpleRequest", response_status=status)
        error = failure(lambda: self.UnaryCall(request, timeout=10))
        assert error.code().value[0] == code and error.details() == message, error
        return status

    def status_code_and_message(self):
        status = self._refused(2, "test status message")
        request = self.message("StreamingOutputCallRequest", response_status=status)
        error = failure(lambda: list(self.FullDuplexCall(iter([request]), timeout=10)))
        assert error.code() == grpc.StatusCode.UNKNOWN, error
        assert error.details() == "test status message", error

    def special_status_message(self):
        self._refused(2, SPECIAL_MESSAGE)

    def unimplemented_method(self):
        error = failure(lambda: self.UnimplementedCall(self.message("Empty"), timeout=10))
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error

    def unimplemented_service(self):
        other = rpc.Service(self.channel, "grpc.testing.UnimplementedService", self.pool)
        error = failure(lambda: other.UnimplementedCall(self.message("Empty"), timeout=10))
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error


CASES = [
    name
    for name, value in vars(Client).items()
    if callable(value) and not name.startswith("_") and name not in ("payload", "output_request")
]


def failure(call):
    """The error of a call that must fail."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"answered {answer!r}"[:300])


class Conversation:
    """A streaming call whose messages are said one by one."""

    def __init__(self, method, **options):
        self._queue = queue.SimpleQueue()
        self.call = method(iter(self._queue.get, None), **({"timeout": 10} | options))

    def say(self, message):
        self._queue.put(message)

    def done(self):
        """No more will be said."""
        self._queue.put(None)

    def hear(self):
        """The next answer; None at the end."""
        return next(self.call, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.call.cancel()
        self.done()


class Service:
    """The server's side of all cases."""

    def __init__(self, descriptors):
        self.descriptor = descriptors.FindServiceByName(SERVICE)
        self.messages = {
            name: message_factory.GetMessageClass(kind)
            for name, kind in self.descriptor.file.message_types_by_name.items()
        }

    def handler(self):
        """What grpc.Server.add_generic_rpc_handlers takes."""
        makers = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        methods = {}
        for method in self.descriptor.methods:
            behaviour = getattr(self, method.name, None)
            if behaviour is not None:
                make = makers[method.client_streaming, method.server_streaming]
                methods[method.name] = make(
                    behaviour,
                    self.messages[method.input_type.name].FromString,
                    lambda message: message.SerializeToString(),
                )
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def _echo(self, context):
        metadata = context.invocation_metadata()
        initial = [(key, value) for key, value in metadata if key == ECHO_INITIAL]
        trailing = [(key, value) for key, value in metadata if key == ECHO_TRAILING]
        if initial:
            context.send_initial_metadata(initial)
        context.set_trailing_metadata(trailing)

    def _fail_if_asked(self, request, context):
        if request.HasField("response_status"):
            codes = {code.value[0]: code for code in grpc.StatusCode}
            context.abort(codes[request.response_status.code], request.response_status.message)

    def _payload(self, size):
        return self.messages["Payload"](body=bytes(size))

    def EmptyCall(self, request, context):
        self._echo(context)
        return self.messages["Empty"]()

    def UnaryCall(self, request, context):
        self._echo(context)
        self._fail_if_asked(request, context)
        return self.messages["SimpleResponse"](payload=self._payload(request.response_size))

    def StreamingInputCall(self, requests, context):
        total = sum(len(request.payload.body) for request in requests)
        return self.messages["StreamingInputCallResponse"](aggregated_payload_size=total)

    def StreamingOutputCall(self, request, context):
        for parameters in request.response_parameters:
            yield self.messages["StreamingOutputCallResponse"](
                payload=self._payload(parameters.size)
            )

    def FullDuplexCall(self, requests, context):
        self._echo(context)
        for request in requests:
            self._fail_if_asked(request, context)
            yield from self.StreamingOutputCall(request, context)


@contextlib.contextmanager
def serve(descriptors):
    """grpcio's server with the service, on a loopback port that is given."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers([Service(descriptors).handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()
