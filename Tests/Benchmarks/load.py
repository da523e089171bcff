"""h2load and pgbench: running them, and what they found."""

import dataclasses
import os
import pathlib
import re
import subprocess
import tempfile

from harness import processes

# Debian keeps the programs of a Postgres version here.
POSTGRES_PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")


@dataclasses.dataclass
class Run:
    """One run of a load generator."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_microseconds: dict  # a request, by what was watched

    def __str__(self):
        cpu = ", ".join(f"{name} {value:.1f}" for name, value in self.cpu_microseconds.items())
        return (
            f"{self.per_second:>9,.0f}/s   p50 {self.p50_ms:6.2f} ms   p99 {self.p99_ms:6.2f} ms"
            f"   CPU us a request: {cpu or '-'}"
        )


class Watch:
    """CPU time taken by processes, {name: pid}, while the block runs."""

    def __init__(self, pids):
        self.pids = dict(pids)

    def __enter__(self):
        self.before = self._taken()
        return self

    def __exit__(self, *_):
        after = self._taken()
        self.seconds = {name: after[name] - self.before[name] for name in after}

    def _taken(self):
        return {name: processes.cpu_seconds(pid) for name, pid in self.pids.items()}

    def microseconds(self, requests):
        return {name: seconds * 1e6 / requests for name, seconds in self.seconds.items()}


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def h2load(url, body, requests, headers=(), core=None, watched=(), connections=8, per_second=None):
    """POSTs `body` over `connections` connections of 32 streams each; every answer must be good.

    `per_second` holds the rate back instead of asking as fast as it goes.
    """
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "body").write_bytes(body)
        log = pathlib.Path(folder) / "log"
        command = ["taskset", "-c", str(core)] if core is not None else []
        command += ["h2load", "-n", str(requests), "-c", str(connections), "-m", "32"]
        command += ["-d", f"{folder}/body", f"--log-file={log}"]
        if per_second:
            command.append(f"--rps={per_second / connections:.0f}")
        for header in headers:
            command += ["-H", header]
        with Watch(watched) as watch:
            done = subprocess.run([*command, url], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f" {requests} succeeded, 0 failed" in done.stdout, done.stdout
        assert f"status codes: {requests} 2xx" in done.stdout, done.stdout
        rate = float(re.search(r"([\d.]+) req/s", done.stdout).group(1))
        times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    return Run(
        rate,
        percentile(times, 0.50) / 1000,
        percentile(times, 0.99) / 1000,
        watch.microseconds(requests),
    )


def pgbench(environment, clients, seconds, watched=()):
    """Single-row selects by primary key of 100,000 rows, each prepared once a connection."""
    program = [str(POSTGRES_PROGRAMS / "pgbench"), "-n"]
    environment = os.environ | environment
    with tempfile.TemporaryDirectory() as folder:
        command = [*program, "-S", "-M", "prepared", "-c", str(clients), "-j", "1"]
        command += ["-T", str(seconds), "-l", "--sampling-rate=0.1", "--log-prefix=log"]
        with Watch(watched) as watch:
            done = subprocess.run(
                command, env=environment, cwd=folder, capture_output=True, text=True, timeout=600
            )
        assert done.returncode == 0, done.stdout + done.stderr
        times = sorted(
            int(line.split()[2])
            for file in pathlib.Path(folder).glob("log*")
            for line in file.read_text().splitlines()
        )
    rate = float(re.search(r"tps = ([\d.]+)", done.stdout).group(1))
    total = int(re.search(r"actually processed: (\d+)", done.stdout).group(1))
    return Run(
        rate,
        percentile(times, 0.50) / 1000,
        percentile(times, 0.99) / 1000,
        watch.microseconds(total),
    )
