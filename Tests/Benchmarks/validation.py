"""validate-key through the gateway, against prepared single-row selects in the same Postgres."""

import os
import pathlib
import statistics
import subprocess
import tempfile

from harness import deployment as deployments
from harness import processes, rest

from . import load

TARGET = 1.0
P99_TARGET_MS = 10
PEAK_PSS_TARGET_MB = 150


class Bench:
    """A deployment with many licenses, and its database's administrator."""

    def __init__(self, deployment, licenses):
        self.deployment, self.licenses = deployment, licenses
        secrets = deployment.data_directory / "secrets"
        self.database = {
            "PGHOST": str(deployment.data_directory / "run"),
            "PGUSER": "latchkey_admin",
            "PGDATABASE": "latchkey",
            "PGPASSWORD": (secrets / "latchkey_admin.password").read_text().strip(),
        }

    def run(self, program, *arguments, database=None):
        """One of Postgres's programs, as the administrator."""
        environment = os.environ | self.database
        if database:
            environment["PGDATABASE"] = database
        subprocess.run(
            [str(load.POSTGRES_PROGRAMS / program), *arguments],
            env=environment, check=True, capture_output=True, timeout=600,
        )  # fmt: skip

    def prepare(self):
        """Loads the licenses, and pgbench's own table with as many rows."""
        with rest.Api(self.deployment, self.deployment["LATCHKEY_TEST_API_KEY"]) as api:
            product = api.product(keyPrefix="BNC")
            policy = api.policy(product)
            script = pathlib.Path(__file__).with_name("load-licenses.sql")
            self.run("psql", "-q", "-v", f"policy={policy['id']}",
                     "-v", f"count={self.licenses}", "-f", str(script))  # fmt: skip
            assert api.validate(self.key(self.licenses))["code"] == "VALID"
        self.run("createdb", "pgbench")
        # Scale 1 is 100,000 rows.
        self.run("pgbench", "-i", "-q", "-s", "1", database="pgbench")

    def key(self, number):
        digits = f"{number:016}"
        return "BNC-" + "-".join(digits[at : at + 4] for at in range(0, 16, 4))

    def pids(self):
        """The processes to watch, by name."""
        pids = {name: self.deployment.pid(name) for name in deployments.SERVICES}
        return pids | {"postgres": self.deployment.postgres_pid()}

    def megabytes(self):
        """Proportional set size of the services, which share their libraries."""
        return {
            name: processes.proportional_bytes(self.deployment.pid(name)) / 1048576
            for name in deployments.SERVICES
        }

    def validate(self, requests, number, per_second=None):
        """One run of h2load with the key of license `number`."""
        return load.h2load(
            f"{self.deployment.url}/api/v1/licenses/validate-key",
            rest.compact({"key": self.key(number)}),
            requests,
            ("content-type: application/json",),
            watched=self.pids(),
            per_second=per_second,
        )


def shown(megabytes):
    parts = ", ".join(f"{name} {value:.0f}" for name, value in megabytes.items())
    return f"{sum(megabytes.values()):.0f} MB ({parts})"


def measure(requests, rounds, licenses):
    """Runs both in turn on all cores; gives the median rates' ratio."""
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        deployment = deployments.Deployment(pathlib.Path(folder) / "latchkey-up.log")
        try:
            print(f"validate-key through the gateway: ready after {deployment.start():.2f} s")
            bench = Bench(deployment, licenses)
            print(f"  memory, idle (PSS): {shown(bench.megabytes())}")
            bench.prepare()
            return run(bench, requests, rounds)
        finally:
            left = deployment.stop()
            assert not left, f"still running: {left}"


def run(bench, requests, rounds):
    rates = {"validate-key": [], "pgbench": []}
    postgres = {"postgres": bench.deployment.postgres_pid()}
    for turn in range(rounds + 1):
        few = max(1000, requests // 10)
        validated = bench.validate(few if turn == 0 else requests, 1 + turn * 997 % bench.licenses)
        selected = load.pgbench(
            bench.database | {"PGDATABASE": "pgbench"}, 8, max(1, requests // 40_000), postgres
        )
        if turn == 0:
            continue  # warming up
        for name, one in (("validate-key", validated), ("pgbench", selected)):
            rates[name].append(one.per_second)
            print(f"  {name:18} {one}")
    print(f"  memory, peak (PSS): {shown(bench.megabytes())} (target {PEAK_PSS_TARGET_MB} MB)")
    peak = statistics.median(rates["validate-key"])
    half = bench.validate(max(1000, requests // 2), 1, per_second=peak / 2)
    print(f"  at half of peak    {half} (p99 target {P99_TARGET_MS} ms)")
    ratio = peak / statistics.median(rates["pgbench"])
    print(f"  ratio validate-key / pgbench: {ratio:.2f} (target {TARGET})")
    return ratio
