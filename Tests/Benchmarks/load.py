"""h2load and pgbench: running them, and what they found."""

import contextlib
import dataclasses
import pathlib
import re
import subprocess
import tempfile
import time

from harness import processes
from harness.deployment import POSTGRES_PROGRAMS


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


def megabytes(pids):
    """Proportional set size by name of {name: pid}, workers among it: what processes share is counted by its share."""
    return {
        name: sum(processes.proportional_bytes(one) for one in (pid, *processes.descendants(pid)))
        / 1048576
        for name, pid in pids.items()
    }


def shown(megabytes):
    parts = ", ".join(f"{name} {value:.0f}" for name, value in megabytes.items())
    return f"{sum(megabytes.values()):.0f} MB ({parts})"


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# How often h2load looks what a rate has made due.
PACE_SECONDS = 0.010


def latencies(log, skipped):
    """Microseconds of each request of h2load's log, but for the `skipped` ones that began first."""
    lines = (line.split("\t") for line in log.read_text().splitlines())
    began = sorted((int(start), int(took)) for start, _, took in lines)
    return [took for _, took in began[skipped:]]


def h2load(
    url, bodies, requests, headers=(), core=None, watched=(), connections=8, streams=32,
    per_second=None, is_timed=True,
):  # fmt: skip
    """POSTs over `connections` connections of `streams` streams each; every answer must be good.

    One h2load has one body for all its requests, so there is a process for each body, and the connections and
    requests are divided among them. `per_second` holds the rate back instead of asking as fast as it goes; h2load then
    sends what is due on all its connections at once, so give as many bodies as connections: their processes take turns.
    Without `is_timed` there are no latencies: h2load writes a line a request for them, on the same cores. The requests
    with which each connection begins are not among them: they wait for its handshake, and for each other.
    """
    share, each = connections // len(bodies), requests // len(bodies)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        commands = []
        for number, body in enumerate(bodies):
            (pathlib.Path(folder) / f"body{number}").write_bytes(body)
            command = ["taskset", "-c", str(core)] if core is not None else []
            command += ["h2load", "-n", str(each), "-c", str(share), "-m", str(streams)]
            command += ["-d", f"{folder}/body{number}"]
            if is_timed:
                command.append(f"--log-file={folder}/log{number}")
            if per_second:
                command.append(f"--rps={per_second / connections:.0f}")
            for header in headers:
                command += ["-H", header]
            commands.append([*command, url])
        with Watch(watched) as watch:
            running = []
            for command in commands:
                if per_second and running:
                    time.sleep(PACE_SECONDS / len(commands))
                process = subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
                )
                running.append(stack.enter_context(process))
            texts = [one.communicate(timeout=600)[0] for one in running]
        for one, text in zip(running, texts):
            assert one.returncode == 0, text
            assert f" {each} succeeded, 0 failed" in text, text
            assert f"status codes: {each} 2xx" in text, text
        # Processes of a run begin and end within milliseconds of each other, so their rates add up.
        rate = sum(float(re.search(r"([\d.]+) req/s", text).group(1)) for text in texts)
        times = sorted(
            took
            for log in pathlib.Path(folder).glob("log*")
            for took in latencies(log, skipped=share * streams)
        ) or [0]
    return Run(
        rate,
        percentile(times, 0.50) / 1000,
        percentile(times, 0.99) / 1000,
        watch.microseconds(each * len(bodies)),
    )


def pgbench(environment, clients, seconds, watched=()):
    """Single-row selects by primary key of 100,000 rows, each prepared once a connection.

    `environment` is that of the program, and says where the database is.
    """
    program = [str(POSTGRES_PROGRAMS / "pgbench"), "-n"]
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
