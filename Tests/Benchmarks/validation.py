"""validate-key through the gateway, against prepared single-row selects in the same Postgres."""

import asyncio
import dataclasses
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

import httpx

from harness import deployment as deployments
from harness import processes, rest, topology

from . import load

TARGET = 1.0
P99_TARGET_MS = 10
PEAK_PSS_TARGET_MB = 150
# How much dearer a validation may be among many licenses than among few.
GROWTH_TARGET = 1.3

# Keys at once: one h2load has one body, and each is a process that takes its share of the same cores.
KEYS = 2
# Where the rate is highest: with more in flight the answers only wait longer.
CONNECTIONS, STREAMS = 8, 128
# pgbench has a process of Postgres for each of its clients; the gateway has one for each core.
WORKERS = os.cpu_count()
# Of the run in which every request has a key of its own; by httpx, which is slow, so only CPU time counts.
SPREAD_REQUESTS = 4_000
SPREAD_AT_ONCE = 128

# A limit that no benchmark reaches, and that is counted all the same.
USES_MAX = 2_000_000_000


@dataclasses.dataclass
class Stock:
    """Licenses of one product, by number from 1."""

    prefix: str
    policy: str
    count: int = 0

    def key(self, number):
        digits = f"{number:016}"
        return f"{self.prefix}-" + "-".join(digits[at : at + 4] for at in range(0, 16, 4))

    def keys(self, count, seed):
        """Some keys, the same for the same seed."""
        numbers = random.Random(seed).sample(range(1, self.count + 1), count)
        return [self.key(number) for number in numbers]


class Bench:
    """A deployment with many licenses, a gateway with a worker a core before it, and its database's administrator."""

    def __init__(self, deployment, gateway):
        self.deployment, self.gateway = deployment, gateway
        self.url = f"{gateway.url}/api/v1/licenses/validate-key"
        with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as api:
            self.unlimited = self.stock(api, "BNC")
            self.limited = self.stock(api, "BNL", maxUses=USES_MAX)
        self.run(load.POSTGRES_PROGRAMS / "createdb", "pgbench")
        # Scale 1 is 100,000 rows.
        self.run(load.POSTGRES_PROGRAMS / "pgbench", "-i", "-q", "-s", "1", database="pgbench")

    def stock(self, api, prefix, **terms):
        return Stock(prefix, api.policy(api.product(keyPrefix=prefix), **terms)["id"])

    def run(self, program, *arguments, database="latchkey"):
        """A program that works on the database, as the administrator."""
        done = subprocess.run(
            [str(program), *arguments],
            env=self.deployment.database(database), capture_output=True, text=True, timeout=3600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def load(self, stock, count):
        """Adds licenses until there are so many, and says how fast."""
        begun = time.monotonic()
        self.run(pathlib.Path(__file__).with_name("load-licenses"), stock.policy, str(count))
        seconds = time.monotonic() - begun
        print(f"  {count - stock.count:,} licenses loaded in {seconds:.1f} s")
        stock.count = count
        with rest.Api(self.deployment, None) as api:
            assert api.validate(stock.key(count))["code"] == "VALID"

    def pids(self):
        """The processes to watch, by name."""
        return self.services() | {"postgres": self.deployment.postgres_pid()}

    def services(self):
        """The processes of the services, by name; of the gateway, the parent of its workers."""
        pids = {name: self.deployment.pid(name) for name in deployments.SERVICES}
        return pids | {"gateway": self.gateway.pid}

    def megabytes(self):
        """Proportional set size of the services, which share their libraries."""
        return {
            name: sum(
                processes.proportional_bytes(one) for one in (pid, *processes.descendants(pid))
            )
            / 1048576
            for name, pid in self.services().items()
        }

    def validate(self, stock, requests, seed, per_second=None):
        """How fast keys are validated, and by a run of its own how long an answer takes."""
        if per_second:
            return self._validate(stock, requests, seed, CONNECTIONS, per_second=per_second)
        fastest = self._validate(stock, requests, seed, is_timed=False)
        timed = self._validate(stock, max(1000, requests // 5), seed)
        return dataclasses.replace(fastest, p50_ms=timed.p50_ms, p99_ms=timed.p99_ms)

    def _validate(self, stock, requests, seed, keys=KEYS, **options):
        return load.h2load(
            self.url,
            [rest.compact({"key": key}) for key in stock.keys(keys, seed)],
            requests,
            ("content-type: application/json",),
            watched=self.pids(),
            connections=CONNECTIONS,
            streams=STREAMS,
            **options,
        )

    def half_of_peak(self, requests):
        """How long answers take at half of the rate that is the highest at this very time."""
        asked = self._validate(self.unlimited, requests, 1, is_timed=False).per_second / 2
        half = self.validate(self.unlimited, requests, 2, per_second=asked)
        print(f"  at half of peak    {half} (p99 target {P99_TARGET_MS} ms)")
        if half.per_second < asked * 0.95:
            # Little's law: what is in flight waits for the cores, whatever else takes them.
            print(f"  half of peak was {asked:,.0f}/s and was not reached: the latency is that of saturation")
        return half

    def select(self, requests):
        """One run of pgbench, for about as long."""
        return load.pgbench(
            self.deployment.database("pgbench"),
            8,
            max(1, requests // 40_000),
            {"postgres": self.deployment.postgres_pid()},
        )

    def spread(self, stock, seed):
        """CPU microseconds a request of all processes together, when every request has a key of its own."""
        keys = stock.keys(min(SPREAD_REQUESTS, stock.count), seed)
        with load.Watch(self.pids()) as watch:
            asyncio.run(self._ask(iter(keys)))
        return sum(watch.microseconds(len(keys)).values())

    async def _ask(self, keys):
        trust = self.deployment.trust()
        async with httpx.AsyncClient(verify=trust, http2=True, timeout=60) as client:

            async def work():
                # The iterator is shared: each key is asked about once.
                for key in keys:
                    response = await client.post(self.url, json={"key": key})
                    assert response.json()["data"]["code"] == "VALID", response.text

            await asyncio.gather(*(work() for _ in range(SPREAD_AT_ONCE)))


def shown(megabytes):
    parts = ", ".join(f"{name} {value:.0f}" for name, value in megabytes.items())
    return f"{sum(megabytes.values()):.0f} MB ({parts})"


def measure(requests, rounds, few, many):
    """Measures with few licenses and with many; gives ratios and targets by name."""
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        deployment = deployments.Deployment(pathlib.Path(folder) / "latchkey-up.log")
        try:
            print(f"validate-key through the gateway: ready after {deployment.start():.2f} s")
            with topology.gateway(deployment, LATCHKEY_WORKERS=str(WORKERS)) as gateway:
                return compare(Bench(deployment, gateway), requests, rounds, few, many)
        finally:
            left = deployment.stop()
            assert not left, f"still running: {left}"


def compare(bench, requests, rounds, few, many):
    bench.load(bench.limited, few)
    bench.load(bench.unlimited, few)
    small = Figures(bench, requests, rounds)
    bench.load(bench.unlimited, many)
    large = Figures(bench, requests, rounds)
    print(f"  memory, peak (PSS): {shown(bench.megabytes())} (target {PEAK_PSS_TARGET_MB} MB)")
    half = bench.half_of_peak(max(1000, requests // 2))
    return {
        f"validate-key / pgbench, {many:,} licenses": (large.unlimited / large.selects, TARGET),
        f"validate-key / pgbench, {few:,} licenses": (small.unlimited / small.selects, TARGET),
        "validate-key / pgbench, limited uses": (large.limited / large.selects, None),
        f"rate of {few:,} / rate of {many:,}": (small.unlimited / large.unlimited, GROWTH_TARGET),
        f"CPU of {many:,} / CPU of {few:,}, each key once": (
            large.spread / small.spread, GROWTH_TARGET),
        f"p99 at half of peak / {P99_TARGET_MS} ms": (half.p99_ms / P99_TARGET_MS, 1.0),
    }  # fmt: skip


class Figures:
    """Median rates with the licenses that are there now."""

    def __init__(self, bench, requests, rounds):
        print(f"  with {bench.unlimited.count:,} licenses:")
        rates = {"unlimited": [], "limited": [], "pgbench": []}
        for turn in range(rounds + 1):
            amount = max(1000, requests // 10) if turn == 0 else requests
            runs = {
                "unlimited": bench.validate(bench.unlimited, amount, turn),
                "pgbench": bench.select(amount),
                # Each use is committed before its answer, so fewer of them say as much.
                "limited": bench.validate(bench.limited, max(1000, amount // 5), turn),
            }
            if turn == 0:
                continue  # warming up
            for name, one in runs.items():
                rates[name].append(one.per_second)
                print(f"    {name:10} {one}")
        self.unlimited, self.limited, self.selects = (
            statistics.median(rates[name]) for name in ("unlimited", "limited", "pgbench")
        )
        bench.spread(bench.unlimited, 0)  # warming up
        self.spread = statistics.median(bench.spread(bench.unlimited, 1 + turn) for turn in range(3))
        print(f"    each key once: {self.spread:.0f} CPU us a request, all processes together")
