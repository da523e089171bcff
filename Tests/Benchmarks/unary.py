"""Unary RPC on one core, against nghttpd answering the same POST with a file of the same size."""

import contextlib
import os
import pathlib
import statistics
import struct
import tempfile

import grpc

from harness import interop, processes, rpc

from . import load

PATH = "/peer.v1.LicenseService/Validate"
HEADERS = ("content-type: application/grpc", "te: trailers")
SERVER_CORE, LOAD_CORE = 0, 1
TARGET = 0.7


def question(service):
    """About 150 bytes, as the published contract of the benchmark has them."""
    return service.message(
        "ValidateRequest",
        account_id="0197a1c2-7d5e-7c44-9f6b-1f7d2f0a9c11",
        key="ATL-7QF2-M9XK-T4RD-W8HB",
        product_id="c1c5b7a0-12",
        fingerprint="9f2c41d07be3a85566e0d1f2",
        version="4.2.0",
        entitlements=["export_pdf", "sso"],
        nonce=1234567890123,
    )


def check(port, descriptors):
    """The server really decodes and encodes; gives question and answer in bytes."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        service = rpc.Service(channel, "peer.v1.LicenseService", descriptors)
        asked = question(service)
        answer = service.Validate(asked, timeout=10)
        for field in ("account_id", "key", "fingerprint", "entitlements", "nonce"):
            assert getattr(answer, field) == getattr(asked, field), field
        assert answer.valid and answer.code == "VALID" and answer.expires_at == 1893456000
        assert answer.max_machines == 5 and answer.machines == 2
        return asked.SerializeToString(), answer.SerializeToString()


@contextlib.contextmanager
def serve(folder, name, arguments, environment=None):
    """A server pinned to its core."""
    port = processes.free_port()
    command = ["taskset", "-c", str(SERVER_CORE), *arguments(port)]
    log = pathlib.Path(folder) / f"{name}.log"
    with processes.Server(command, log, port, env=environment) as server:
        yield server


def measure(requests, rounds):
    """Runs both in turn; gives the median rates' ratio."""
    descriptors = interop.pool()
    ours_environment = os.environ | {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=512"}
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder, contextlib.ExitStack() as stack:
        ours = stack.enter_context(
            serve(
                folder,
                "rpc-bench-server",
                lambda port: [processes.binary("rpc-bench-server"), "--port", port],
                ours_environment,
            )
        )
        asked, answered = check(ours.port, descriptors)
        print(f"unary RPC on one core: {len(asked)} bytes in, {len(answered)} out")
        file = pathlib.Path(folder) / PATH.removeprefix("/")
        file.parent.mkdir()
        file.write_bytes(bytes(5 + len(answered)))
        theirs = stack.enter_context(
            serve(
                folder,
                "nghttpd",
                lambda port: ["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", folder,
                              "--trailer", "grpc-status: 0", port],
            )
        )  # fmt: skip
        body = struct.pack(">BI", 0, len(asked)) + asked
        rates = {"rpc-bench-server": [], "nghttpd": []}
        for turn in range(rounds + 1):
            for name, server in (("rpc-bench-server", ours), ("nghttpd", theirs)):
                run = load.h2load(
                    f"http://127.0.0.1:{server.port}{PATH}",
                    [body],
                    max(1000, requests // 10) if turn == 0 else requests,
                    HEADERS,
                    LOAD_CORE,
                    {name: server.pid},
                )
                if turn == 0:
                    continue  # warming up
                rates[name].append(run.per_second)
                print(f"  {name:18} {run}")
        pss = processes.proportional_bytes(ours.pid) / 1048576
        print(f"  memory of rpc-bench-server (PSS): {pss:.1f} MB")
    ratio = statistics.median(rates["rpc-bench-server"]) / statistics.median(rates["nghttpd"])
    print(f"  ratio rpc-bench-server / nghttpd: {ratio:.2f} (target {TARGET})")
    return ratio
