"""Starting, watching and ending processes; what /proc says about them."""

import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

from . import logscan

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# A developer may point the tests at a debug build; CI and `make test` use the release one.
BINARIES = REPOSITORY / os.environ.get("LATCHKEY_BUILD", ".build/release")

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Below those that the system gives to clients: a server that is started again finds its port as it left it.
PORTS = range(10_000, 32_000)


def binary(name, folder=BINARIES):
    """The path of a built executable, with a sentence about what to do when it is not there."""
    path = folder / name
    assert path.exists(), f"{path} is missing: run `make build` first"
    return str(path)


def free_port():
    """A TCP port that nothing listens on now; the caller binds it at once."""
    return free_ports(1)[0]


def free_ports(count):
    """So many TCP ports in a row that nothing listens on now, as a range."""
    while True:
        first = random.SystemRandom().randrange(PORTS.start, PORTS.stop - count)
        with contextlib.ExitStack() as probes:
            try:
                for port in range(first, first + count):
                    probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
        return range(first, first + count)


def poll(probe, seconds, what, interval=0.02):
    """Calls `probe` until it gives something true, and gives that; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(interval)


def accepts(port):
    """Whether something on loopback accepts a connection on `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Server:
    """A process in a session of its own, with its output in a file, ended by `stop`."""

    def __init__(self, arguments, log, port=None, cwd=None, env=None, start_seconds=15):
        self.arguments = [str(argument) for argument in arguments]
        self.log = pathlib.Path(log)
        # `latchkey` itself shows keys on purpose.
        if pathlib.Path(self.arguments[0]).name.startswith("latchkey-"):
            logscan.FILES.add(self.log)
        self.port = port
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )
        if port is not None:
            try:
                poll(lambda: self.expect_running() and accepts(port), start_seconds, f"{arguments[0]} listens")
            except BaseException:
                self.stop()
                raise

    @property
    def pid(self):
        return self.process.pid

    def expect_running(self):
        """True; fails with what it has written where it has ended."""
        code = self.process.poll()
        assert code is None, f"{self.arguments[0]} ended with {code}:\n{self.text()[-4000:]}"
        return True

    def text(self):
        """What the process has written so far."""
        return self.log.read_text(errors="replace")

    def stop(self, seconds=15):
        """SIGTERM, and SIGKILL to the whole session when that was not enough."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(seconds)
                raise AssertionError(f"{self.arguments[0]} outlived SIGTERM by {seconds} s")
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def kill(pid):
    """SIGKILL, to a process that may be gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop(pid):
    """SIGSTOP: it is there and does nothing, so nobody starts it again."""
    os.kill(pid, signal.SIGSTOP)


def go_on(pid):
    """SIGCONT."""
    os.kill(pid, signal.SIGCONT)


def _stat(pid):
    """The fields of /proc/PID/stat after the command name, or None once the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def running(pid):
    """Whether the process exists and is not merely waiting to be reaped."""
    fields = _stat(pid)
    return fields is not None and fields[0] not in "ZX"


def descendants(pid):
    """Every living process below `pid`: {pid: command line}."""
    parents = {}
    for one in all_ids():
        fields = _stat(one)
        if fields and fields[0] not in "ZX":
            parents.setdefault(int(fields[1]), []).append(one)
    found, queue = {}, list(parents.get(pid, []))
    while queue:
        child = queue.pop()
        found[child] = command_line(child)
        queue += parents.get(child, [])
    return found


def all_ids():
    """Those of all processes there are."""
    return {int(entry) for entry in os.listdir("/proc") if entry.isdigit()}


def command_line(pid):
    """The arguments of a process, joined with blanks; empty once it is gone."""
    try:
        raw = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def mentioning(text):
    """Living processes, other than this one, that name `text`: in their arguments, in the
    environment they were started with, or as the folder they work in."""
    found = {}
    for one in all_ids() - {os.getpid()}:
        if not running(one):
            continue
        line = command_line(one)
        try:
            folder = os.readlink(f"/proc/{one}/cwd")
            environment = pathlib.Path(f"/proc/{one}/environ").read_bytes()
        except OSError:
            folder, environment = "", b""
        if str(text) in line or str(text) in folder or str(text).encode() in environment:
            found[one] = line or folder
    return found


def resident_bytes(pid):
    """Resident memory of a process."""
    fields = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * PAGE_BYTES


def proportional_bytes(pid):
    """Proportional set size: shared pages counted by their share."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no Pss line for {pid}")


def cpu_seconds(pid):
    """User and system time that a process and everything below it, ended or not, took so far."""
    total = 0
    for one in [pid, *descendants(pid)]:
        fields = _stat(one)
        # utime, stime, and the same of children that have ended and been waited for.
        total += sum(map(int, fields[11:15])) if fields else 0
    return total / TICKS_PER_SECOND


def open_files(pid):
    """How many file descriptors a process holds."""
    return len(os.listdir(f"/proc/{pid}/fd"))
