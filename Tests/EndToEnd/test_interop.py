"""gRPC's interoperability cases: grpcio against our server, and our client against grpcio."""

import subprocess

import grpc
import pytest

from harness import interop, processes


@pytest.fixture(scope="module")
def reference_server(interop_messages):
    """grpcio's own server."""
    with interop.serve(interop_messages) as port:
        yield port


def call(case, port, interop_messages):
    """Runs one case with grpcio as the client."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        getattr(interop.Client(channel, interop_messages), case)()


@pytest.mark.parametrize("case", interop.CASES)
def test_grpcio_keeps_to_the_case_itself(case, reference_server, interop_messages):
    """Shows that the case is written right: both sides are grpcio."""
    call(case, reference_server, interop_messages)


@pytest.mark.parametrize("case", interop.CASES)
def test_grpcio_against_our_server(case, interop_server, interop_messages):
    call(case, interop_server.port, interop_messages)


def run_our_client(case, port):
    done = subprocess.run(
        [
            processes.binary("rpc-interop-client"), "--server_port", str(port),
            "--test_case", case,
        ],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", interop.CASES)
def test_our_client_against_grpcio(case, reference_server):
    run_our_client(case, reference_server)


@pytest.mark.parametrize("case", interop.CASES)
def test_our_client_against_our_server(case, interop_server):
    run_our_client(case, interop_server.port)
