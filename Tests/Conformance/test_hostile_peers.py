"""Hostile peers are dropped, cost the server little memory, and others are answered meanwhile."""

import json
import statistics
import subprocess
import sys
import time

import pytest

from Conformance import attacks
from harness import processes, wire

MEMORY_GROWTH_BYTES_MAX = 64 << 20

# The requirement is 50 ms. The median is held to it; single answers get room for a busy machine.
ANSWER_SECONDS = 0.050
WORST_ANSWER_SECONDS = 2.0

# A peer that takes no answers is dropped by the write time-out of 20 s at the latest.
PATIENT = ["unread_answers", "stalled_windows", "abandoned_uploads"]
PATIENT_SECONDS = 45

# Not worth dropping a connection for: each round is refused or ignored by itself.
ENDURED = ["unknown_frame_flood", "window_update_flood", "reconnecting_garbage"]
ENDURED_SECONDS = 3

SWIFT = [name for name in attacks.ATTACKS if name not in PATIENT + ENDURED]
SWIFT_SECONDS = 10


def pytest_generate_tests(metafunc):
    names = metafunc.config.getoption("--targets").split(",")
    # nghttpd shows that clauses are right; it does not claim to drop all of these.
    names = [name for name in names if name != "reference"]
    metafunc.parametrize("target_name", names)


class Attackers:
    """Attacks under way, each in a process of its own."""

    def __init__(self, names, seconds, target):
        self.processes = {}
        for name in names:
            one = subprocess.Popen(
                [sys.executable, "-m", "Conformance.attacks", name, str(seconds)],
                cwd=processes.REPOSITORY / "Tests",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.processes[name] = one
            one.stdin.write(attacks.describe(target))
            one.stdin.close()

    def under_way(self):
        return any(one.poll() is None for one in self.processes.values())

    def outcomes(self):
        """What each reported at its end."""
        return {name: json.loads(one.stdout.read()) for name, one in self.processes.items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.processes.values():
            one.kill()
            one.wait()
            one.stdout.close()


class Bystander:
    """A peer that behaves: one request after the other, each answer timed."""

    def __init__(self, target):
        self.peer = wire.Peer(target)
        self.peer.send(wire.window_update(0, (1 << 31) - 65536))
        self.stream = -1
        self.answers = []

    def ask(self):
        self.stream += 2
        begun = time.monotonic()
        self.peer.send_request(self.stream)
        self.peer.expect_response(self.stream)
        self.answers.append(time.monotonic() - begun)
        self.peer.seen.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()

    def judge(self):
        """Says how long the answers took; fails when that was too long."""
        median, worst = statistics.median(self.answers), max(self.answers)
        figures = (
            f"{len(self.answers)} others answered in {median * 1000:.1f} ms, "
            f"the slowest in {worst * 1000:.0f} ms"
        )
        assert median < ANSWER_SECONDS and worst < WORST_ANSWER_SECONDS, figures
        return figures


def endure(names, seconds, target, record_property):
    """Runs attacks beside a bystander; gives their outcomes."""
    before = processes.resident_bytes(target.pid)
    peak = before
    with Bystander(target) as bystander:
        with Attackers(names, seconds, target) as attackers:
            while attackers.under_way() or len(bystander.answers) < 20:
                bystander.ask()
                peak = max(peak, processes.resident_bytes(target.pid))
                time.sleep(0.005)
            outcomes = attackers.outcomes()
        print(json.dumps(outcomes))
        figures = f"memory +{(peak - before) / 1048576:.1f} MiB, {bystander.judge()}"
    print(figures)
    record_property("figures", f"{outcomes} {figures}")
    assert peak - before < MEMORY_GROWTH_BYTES_MAX, figures
    return outcomes


@pytest.mark.parametrize("name", SWIFT)
def test_a_flood_is_dropped(name, target_name, request, record_property):
    target = request.getfixturevalue(f"{target_name}_target")
    outcomes = endure([name], SWIFT_SECONDS, target, record_property)
    assert outcomes[name]["dropped_after"] is not None, outcomes


@pytest.mark.parametrize("name", ENDURED)
def test_nonsense_is_endured(name, target_name, request, record_property):
    target = request.getfixturevalue(f"{target_name}_target")
    endure([name], ENDURED_SECONDS, target, record_property)


def test_peers_that_take_no_answers_are_dropped(target_name, request, record_property):
    target = request.getfixturevalue(f"{target_name}_target")
    outcomes = endure(PATIENT, PATIENT_SECONDS, target, record_property)
    for name in PATIENT:
        assert outcomes[name]["dropped_after"] is not None, outcomes


def test_two_thousand_idle_connections(target_name, request, record_property):
    """They cost memory in proportion, within the limit, and keep nobody from being answered."""
    target = request.getfixturevalue(f"{target_name}_target")
    before = processes.resident_bytes(target.pid)
    held_before = processes.open_files(target.pid)
    idle = []
    try:
        for _ in range(2000):
            idle.append(target.connect_plain())
        with Bystander(target) as bystander:
            for _ in range(50):
                bystander.ask()
            grown = processes.resident_bytes(target.pid) - before
            figures = f"memory +{grown / 1048576:.1f} MiB, {bystander.judge()}"
        print(figures)
        record_property("figures", figures)
        assert grown < MEMORY_GROWTH_BYTES_MAX, figures
    finally:
        for one in idle:
            one.close()
    processes.poll(
        lambda: processes.open_files(target.pid) < held_before + 50, 20, "descriptors are given back"
    )
