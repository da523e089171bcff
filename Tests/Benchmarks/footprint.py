"""What the services take of a machine: their start, their memory, and the processor while nothing is asked of them.

Twice: as executables of their own, which `make run` starts, and as names of one file, which the image has.
"""

import contextlib
import os
import pathlib
import subprocess
import tempfile
import threading
import time

import httpx

from harness import deployment as deployments
from harness import processes, rest, topology

from . import load

START_TARGET_SECONDS = 1.0
IDLE_PSS_TARGET_MB = 60
PEAK_PSS_TARGET_MB = 150
# Of one core.
IDLE_CPU_TARGET = 0.01

# What the start of a deployment has left to do is over by then.
SETTLED_SECONDS = 5
IDLE_SECONDS = 30
SAMPLE_SECONDS = 0.2


@contextlib.contextmanager
def one_file():
    """A folder with the programs as the image has them: all of them names of one file.

    A program finds the others beside the file that it is, so it has to lie there itself: these are hard links.
    """
    combined = processes.binary("latchkey-combined")
    with tempfile.TemporaryDirectory(prefix="latchkey-combined-", dir=processes.BINARIES) as folder:
        for name in ("latchkey", *(f"latchkey-{service}" for service in deployments.SERVICES)):
            os.link(combined, pathlib.Path(folder) / name)
        yield pathlib.Path(folder)


def idle_cpu(deployment):
    """The share of a core that the whole stack takes, its database and its supervisor among it."""
    # A new database is analysed by itself once, within a minute.
    deployment.sql("vacuum analyze")
    before, begun = processes.cpu_seconds(deployment.server.pid), time.monotonic()
    time.sleep(IDLE_SECONDS)
    taken, seconds = processes.cpu_seconds(deployment.server.pid) - before, time.monotonic() - begun
    by_service = []
    for service in deployments.SERVICES:
        by_service.append(f"{service} {processes.cpu_seconds(deployment.pid(service)):.2f} s")
    print(f"  idle CPU: {taken / seconds:.2%} of a core (since their start: {', '.join(by_service)})")
    return taken / seconds


def start_seconds(deployment):
    """How long it takes to start one more process of every service, all at once, until each says that it is ready."""
    plans = []
    for service in deployments.SERVICES:
        settings = topology.settings_of(deployment, service)
        metrics = f"127.0.0.1:{processes.free_port()}"
        settings |= {
            "LATCHKEY_RPC_LISTEN": f"127.0.0.1:{processes.free_port()}",
            "LATCHKEY_METRICS_LISTEN": metrics,
        }
        if service == "gateway":
            settings["LATCHKEY_HTTPS_LISTEN"] = f"127.0.0.1:{processes.free_port()}"
        plans.append((service, settings, f"http://{metrics}/readyz"))
    begun = time.monotonic()
    started, seconds = [], {}
    try:
        for service, settings, _ in plans:
            started.append(
                subprocess.Popen(
                    [processes.binary(f"latchkey-{service}", deployment.programs)],
                    env=settings,
                    stderr=subprocess.DEVNULL,
                )
            )
        with httpx.Client() as client:
            while len(seconds) < len(plans):
                for service, _, url in plans:
                    if service not in seconds and is_ready(client, url):
                        seconds[service] = time.monotonic() - begun
                assert time.monotonic() - begun < 60, f"ready: {seconds}"
                time.sleep(0.002)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)
    parts = ", ".join(f"{service} {value:.3f}" for service, value in sorted(seconds.items(), key=lambda one: one[1]))
    print(f"  start of all services: {max(seconds.values()):.3f} s ({parts})")
    return max(seconds.values())


def is_ready(client, url):
    with contextlib.suppress(httpx.HTTPError):
        return client.get(url).status_code == 200
    return False


class Peak(threading.Thread):
    """The most memory that the services together have while the block runs."""

    def __init__(self, pids):
        super().__init__()
        self.pids = pids
        self.sizes = load.megabytes(pids)
        self._ending = threading.Event()

    def run(self):
        while not self._ending.wait(SAMPLE_SECONDS):
            sizes = load.megabytes(self.pids)
            if sum(sizes.values()) > sum(self.sizes.values()):
                self.sizes = sizes

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self.join()


def handshake(deployment, body):
    """CPU microseconds of the gateway for a request that has a connection of its own, less those of one that has not."""
    url = f"{deployment.url}/api/v1/licenses/validate-key"
    headers = ("content-type: application/json",)
    pids = {"gateway": deployment.pid("gateway")}
    count = 2_000
    single = load.h2load(
        url, [body], count, headers, watched=pids, connections=count, streams=1, is_timed=False
    )
    kept = load.h2load(url, [body], 20_000, headers, watched=pids, streams=64, is_timed=False)
    cost = single.cpu_microseconds["gateway"] - kept.cpu_microseconds["gateway"]
    print(f"  a connection of its own costs the gateway {cost:.0f} us of CPU")


def measure(requests):
    """Gives ratios and targets by name."""
    ratios = measure_form("executables of their own", processes.BINARIES, requests)
    with one_file() as folder:
        return ratios | measure_form("the image's one file", folder, requests)


def measure_form(form, programs, requests):
    """Gives ratios and targets by name, of the programs in a folder."""
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        deployment = deployments.Deployment(pathlib.Path(folder) / "latchkey-up.log", programs=programs)
        try:
            print(f"footprint of {form}: ready after {deployment.start():.2f} s, with a new database")
            time.sleep(SETTLED_SECONDS)
            pids = {service: deployment.pid(service) for service in deployments.SERVICES}
            idle = load.megabytes(pids)
            print(f"  memory, idle (PSS): {load.shown(idle)}")
            cpu = idle_cpu(deployment)
            start = start_seconds(deployment)
            with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as api:
                body = rest.compact({"key": api.license(api.catalogue())["key"]})
            with Peak(pids) as peak:
                load.h2load(
                    f"{deployment.url}/api/v1/licenses/validate-key",
                    [body],
                    requests,
                    ("content-type: application/json",),
                    streams=64,
                    is_timed=False,
                )
            print(f"  memory, peak (PSS): {load.shown(peak.sizes)}")
            # Last, as what thousands of connections have taken is not given back at once.
            handshake(deployment, body)
            return {
                f"start of all services / {START_TARGET_SECONDS:.0f} s, {form}": (start / START_TARGET_SECONDS, 1.0),
                f"memory of all services, idle / {IDLE_PSS_TARGET_MB} MB, {form}": (
                    sum(idle.values()) / IDLE_PSS_TARGET_MB, 1.0),
                f"memory of all services, peak / {PEAK_PSS_TARGET_MB} MB, {form}": (
                    sum(peak.sizes.values()) / PEAK_PSS_TARGET_MB, 1.0),
                f"CPU of the idle stack / {IDLE_CPU_TARGET:.0%} of a core, {form}": (cpu / IDLE_CPU_TARGET, 1.0),
            }  # fmt: skip
        finally:
            left = deployment.stop()
            assert not left, f"still running: {left}"
