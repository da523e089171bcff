"""Check-outs of license files through the gateway and signatures through RPC, against libsodium's own signing loop."""

import os
import pathlib
import statistics
import subprocess
import tempfile

from harness import deployment as deployments
from harness import given, processes, rest

from . import load

# Of libsodium's bare rate on one core.
TARGET = 0.5

CONNECTIONS, STREAMS = 8, 64
# As the licenses service asks for them when it has much to do.
FILES_A_CALL, CALLS_AT_ONCE = 64, 2
SECONDS = 5


def bench(*arguments, copies=1):
    """Signatures a second, as `signing-bench` finds them: of each of so many that run at once, on average."""
    command = [processes.binary("signing-bench"), *map(str, arguments)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(copies)
    ]
    found = [one.communicate(timeout=600) for one in running]
    for one, (_, complaint) in zip(running, found):
        assert one.returncode == 0, complaint
    return statistics.mean(float(text) for text, _ in found)


class Bench:
    """A deployment with one license to check out."""

    def __init__(self, deployment):
        self.deployment = deployment
        with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as api:
            names = given.license_file()(api)
            self.body = {"fingerprint": names["fingerprint"]}
            path = f"/licenses/{names['id']}/checkout"
            self.license = rest.expect_data(api.post(path, self.body))["license"]
        self.url = f"{deployment.url}/api/v1{path}"
        # As the file has it: the policy beside the license.
        self.policy, self.license["policy"] = self.license["policy"], None
        header, payload, _ = names["certificate"].split("\n")[1].split(".")
        self.signed_bytes = len(header) + 1 + len(payload)
        self.pids = {name: deployment.pid(name) for name in deployments.SERVICES}
        self.pids["postgres"] = deployment.postgres_pid()

    def sodium(self):
        """Of one core while all of them sign: they are all busy too when the service is measured."""
        return bench("sodium", self.signed_bytes, SECONDS, copies=os.cpu_count())

    def rpc(self):
        certificates = self.deployment.data_directory / "certificates"
        account = (self.deployment.data_directory / "account-id").read_text().strip()
        with load.Watch(self.pids) as watch:
            rate = bench(
                "rpc", self.deployment["LATCHKEY_SIGNING_RPC_ADDRESS"], account,
                rest.compact(self.license).decode(), rest.compact(self.policy).decode(),
                FILES_A_CALL, CALLS_AT_ONCE, SECONDS,
                certificates / "licenses.pem", certificates / "licenses.key", certificates / "rpc-ca.pem",
            )  # fmt: skip
        return rate, watch.microseconds(rate * SECONDS)

    def gateway(self, requests):
        return load.h2load(
            self.url,
            [rest.compact(self.body)],
            requests,
            (
                "content-type: application/json",
                f"authorization: Bearer {self.deployment['LATCHKEY_TEST_API_KEY']}",
            ),
            watched=self.pids,
            connections=CONNECTIONS,
            streams=STREAMS,
            is_timed=False,
        )


def measure(requests, rounds):
    """Gives ratios and targets by name."""
    requests = max(1000, requests // 10)
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        deployment = deployments.Deployment(pathlib.Path(folder) / "latchkey-up.log")
        try:
            deployment.start()
            one = Bench(deployment)
            print(f"check-outs: {one.signed_bytes:,} bytes are signed of each file")
            rates = {"libsodium": [], "RPC": [], "gateway": []}
            for turn in range(rounds + 1):
                sodium = one.sodium()
                signed, cpu = one.rpc()
                checked = one.gateway(requests if turn else max(1000, requests // 10))
                if turn == 0:
                    continue  # warming up
                shown = ", ".join(f"{name} {value:.1f}" for name, value in cpu.items())
                print(f"    libsodium {sodium:>9,.0f}/s, one core")
                print(f"    RPC       {signed:>9,.0f}/s   CPU us a file: {shown}")
                print(f"    gateway   {checked}")
                rates["libsodium"].append(sodium)
                rates["RPC"].append((signed, cpu["signing"]))
                rates["gateway"].append(checked.per_second)
            sodium = statistics.median(rates["libsodium"])
            signed = statistics.median(rate for rate, _ in rates["RPC"])
            # What one core would sign if the signing service had it for itself.
            alone = statistics.median(1e6 / cpu for _, cpu in rates["RPC"])
            return {
                "files signed a core (signing service's CPU) / libsodium": (alone / sodium, TARGET),
                "files signed through RPC / libsodium": (signed / sodium, None),
                "check-outs through the gateway / libsodium": (
                    statistics.median(rates["gateway"]) / sodium, None),
            }  # fmt: skip
        finally:
            left = deployment.stop()
            assert not left, f"still running: {left}"
