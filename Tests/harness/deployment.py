"""A whole Latchkey under `latchkey up`, as a new user starts it."""

import os
import pathlib
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import tempfile
import time

from . import logscan, processes, wire

# Design: up in under a second; here with room for a busy machine and a debug build.
START_SECONDS = 60
STOP_SECONDS = 30

SERVICES = ("gateway", "keys", "licenses", "signing", "webhooks")

# Debian keeps the programs of a Postgres version here.
POSTGRES_PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")


class Deployment:
    """`latchkey up` on a data directory and a port of its own."""

    def __init__(
        self, log, data_directory=None, port=None, rate_limits="off", settings=None, config=None,
        programs=processes.BINARIES,
    ):  # fmt: skip
        self.rate_limits = rate_limits
        # What the operator sets for services, in the environment of `latchkey up`.
        self.settings = settings or {}
        # A file with more of them.
        self.config = config
        # The folder with all executables.
        self.programs = programs
        self.log = pathlib.Path(log)
        self.owns_directory = data_directory is None
        # Not below pytest's own folder: the database user must be able to enter it.
        if data_directory is None:
            data_directory = tempfile.mkdtemp(prefix="latchkey-test-")
            pathlib.Path(data_directory).chmod(0o755)
        self.data_directory = pathlib.Path(data_directory)
        self.port = port or processes.free_port()
        self.server = None
        self.environment = {}

    def start(self):
        """Starts it and waits for the line `ready`; gives the seconds that took."""
        begun = time.monotonic()
        seen_bytes = self.log.stat().st_size if self.log.exists() else 0
        self.server = processes.Server(self.command(), self.log, env=os.environ | self.settings)
        try:
            processes.poll(
                lambda: self.server.expect_running() and "\nready\n" in "\n" + self.server.text()[seen_bytes:],
                START_SECONDS,
                "`latchkey up` says ready",
            )
        except BaseException:
            print(self.log.read_text(errors="replace")[-6000:])
            self.stop()
            raise
        seconds = time.monotonic() - begun
        text = (self.data_directory / "dev.env").read_text()
        self.environment = dict(word.split("=", 1) for word in shlex.split(text, comments=True))
        return seconds

    def command(self):
        """The command line that starts it."""
        return [
            processes.binary("latchkey", self.programs),
            "up",
            "--data-dir",
            str(self.data_directory),
            "--port",
            str(self.port),
            "--rate-limits",
            self.rate_limits,
            *(["--config", str(self.config)] if self.config else []),
        ]

    def down(self):
        """`latchkey down`: gives the finished process."""
        return subprocess.run(
            [processes.binary("latchkey"), "down", "--data-dir", str(self.data_directory)],
            capture_output=True,
            text=True,
            timeout=STOP_SECONDS,
        )

    def interrupt(self):
        """Ctrl-C; gives the exit status."""
        self.server.process.send_signal(signal.SIGINT)
        return self.server.process.wait(STOP_SECONDS)

    def left_running(self):
        """Processes that still name the data directory."""
        return processes.mentioning(self.data_directory)

    def stop(self):
        """Ends it, kills what is left, removes the directory; gives what had to be killed."""
        if self.server is not None:
            try:
                self.server.stop(STOP_SECONDS)
            except AssertionError as error:
                print(error)
        left = self.left_running()
        for pid in left:
            processes.kill(pid)
        if self.owns_directory:
            logscan.keep(self)
            shutil.rmtree(self.data_directory, ignore_errors=True)
        return left

    # What a client needs.

    def __getitem__(self, name):
        return self.environment[name]

    @property
    def url(self):
        return self["LATCHKEY_URL"]

    @property
    def ca_file(self):
        return self["LATCHKEY_CA_FILE"]

    def trust(self, alpn=None):
        """A TLS context that trusts the deployment's CA."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if alpn:
            context.set_alpn_protocols(alpn)
        return context

    def rpc_port(self, service):
        """The port of a service's RPC server."""
        return int(self[f"LATCHKEY_{service.upper()}_RPC_ADDRESS"].rsplit(":", 1)[1])

    def metrics_address(self, service):
        """Where a service tells of itself, `host:port`."""
        return self[f"LATCHKEY_{service.upper()}_METRICS_ADDRESS"]

    def master_keys_file(self, service="keys"):
        """The file with the keys that seal all secrets of a service, in the end."""
        name = "signing-master-keys" if service == "signing" else "master-keys"
        return self.data_directory / "secrets" / name

    # Its processes.

    def pid(self, service):
        """The process of a service now; with workers their parent."""
        found = [
            pid
            for pid, line in processes.descendants(self.server.pid).items()
            if line.split(" ")[0].endswith(f"latchkey-{service}") and " --worker=" not in line
        ]
        assert len(found) == 1, f"{len(found)} processes of {service}: {found}"
        return found[0]

    def postgres_pid(self):
        """The main process of the private Postgres, by the file that it keeps."""
        files = list(self.data_directory.rglob("postmaster.pid"))
        assert len(files) == 1, f"one private Postgres, not {files}"
        return int(files[0].read_text().splitlines()[0])

    # Its database, as the administrator, who is not held by row-level security.

    def database(self, name="latchkey"):
        """The environment in which Postgres's own programs reach the database."""
        password = self.data_directory / "secrets" / "latchkey_admin.password"
        return os.environ | {
            "PGHOST": str(self.data_directory / "run"),
            "PGUSER": "latchkey_admin",
            "PGDATABASE": name,
            "PGPASSWORD": password.read_text().strip(),
        }

    def sql(self, statement, **variables):
        """Runs a statement, in which `:'name'` is a variable; gives the rows, as lists of texts."""
        command = [str(POSTGRES_PROGRAMS / "psql"), "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
        for name, value in variables.items():
            command += ["-v", f"{name}={value}"]
        # Variables are replaced in what is read, not in what is given with -c.
        done = subprocess.run(
            [*command, "-f", "-"],
            input=statement,
            env=self.database(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def dump(self):
        """What pg_dump says of the database; bytes as text, with what is text in them readable too."""
        done = subprocess.run(
            [str(POSTGRES_PROGRAMS / "pg_dump"), "--data-only", "--no-owner"],
            env=self.database(),
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        text = done.stdout.decode(errors="replace")
        unpacked = [
            bytes.fromhex(digits).decode("latin-1")
            for digits in re.findall(r"\\\\x([0-9a-f]+)", text)
            if len(digits) % 2 == 0
        ]
        return text + "\n".join(unpacked)

    def gateway_target(self):
        """The public port, as a target for HTTP/2 clauses; its large answer is a list of products."""
        authority = f"localhost:{self.port}"
        return wire.Target(
            name="gateway",
            port=self.port,
            headers=(
                (":method", "POST"),
                (":scheme", "https"),
                (":path", "/api/v1/licenses/validate-key"),
                (":authority", authority),
                ("content-type", "application/json"),
            ),
            body=b'{"key": "LIC-0000-0000-0000-0000"}',
            large_headers=(
                (":method", "GET"),
                (":scheme", "https"),
                (":path", "/api/v1/products?limit=30"),
                (":authority", authority),
                ("authorization", f"Bearer {self['LATCHKEY_TEST_API_KEY']}"),
            ),
            ca_file=self.ca_file,
            pid=self.pid("gateway"),
        )

    def rpc_target(self, service="keys"):
        """A service's RPC port with mutual TLS, as a target for HTTP/2 clauses."""
        return wire.rpc_target(
            "rpc",
            self.rpc_port(service),
            service,
            self.pid(service),
            ca_file=self["LATCHKEY_RPC_CA_FILE"],
            certificate_file=self["LATCHKEY_RPC_CERT_FILE"],
            key_file=self["LATCHKEY_RPC_KEY_FILE"],
        )
