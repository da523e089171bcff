"""A container engine of a test's own: Debian's, which knows no other containers and leaves nothing behind."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess

from . import processes

START_SECONDS = 60
STOP_SECONDS = 60

# Newer clients of another origin may come first in PATH, and want what the engine does not have.
DOCKER, COMPOSE, DOCKERD = "/usr/bin/docker", "/usr/bin/docker-compose", "/usr/sbin/dockerd"

# Of containers in no network of their own, and of all others; two numbers are to come.
BRIDGE, NETWORKS = "10.213.", "10.214."

FORWARDING = pathlib.Path("/proc/sys/net/ipv4/ip_forward")


class Engine:
    """dockerd with everything of it below one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.socket = self.folder / "docker.sock"
        self.log = self.folder / "dockerd.log"
        self.environment = os.environ | {
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_BUILDKIT": "0",
            "DOCKER_CONFIG": str(self.folder / "client"),
        }
        self.network = Network()
        self.older = processes.all_ids()
        self.server = None

    def start(self):
        """Starts it, and waits until it answers."""
        settings = {
            "data-root": str(self.folder / "data"),
            "exec-root": str(self.folder / "run"),
            "pidfile": str(self.folder / "dockerd.pid"),
            "hosts": [f"unix://{self.socket}"],
            "storage-driver": "overlay2",
            # Limits cannot be raised everywhere.
            "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 4096, "Hard": 4096}},
            "bip": f"{BRIDGE}0.1/24",
            "default-address-pools": [{"base": f"{NETWORKS}0.0/16", "size": 24}],
            # Made at each start, and asked for by nobody.
            "deprecated-key-path": str(self.folder / "key.json"),
        }
        file = self.folder / "daemon.json"
        file.write_text(json.dumps(settings))
        with self.log.open("ab") as log:
            self.server = subprocess.Popen(
                [DOCKERD, "--config-file", str(file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        processes.poll(self._answers, START_SECONDS, "the container engine answers", interval=0.2)

    def _answers(self):
        assert self.server.poll() is None, self.log.read_text(errors="replace")[-4000:]
        return subprocess.run([DOCKER, "info"], env=self.environment, capture_output=True).returncode == 0

    def stop(self):
        """Stops it, and takes back what it has done to the machine's network."""
        if self.server:
            self.server.terminate()
            self.server.wait(STOP_SECONDS)
        # It forgets this one, where a container had the machine's own network.
        forgotten = str(self.folder / "run" / "netns" / "default")
        if forgotten in self._mounts():
            subprocess.run(["umount", forgotten], check=True)
        self.network.restore()

    def held(self):
        """What the engine still has of what tests have made; images may be kept on purpose."""
        networks = self.docker("network", "ls", "--filter", "type=custom", "--format", "network {{.Name}}")
        containers = self.docker("ps", "--all", "--format", "container {{.Names}}: {{.Status}}")
        volumes = self.docker("volume", "ls", "--format", "volume {{.Name}}")
        return (containers + networks + volumes).splitlines()

    def left(self):
        """What there still is of it on the machine, once it is stopped."""
        folder = f"{self.folder}/"
        # Its own, and those that pass on what comes to a published port.
        signs = (folder, *(f"-container-ip {addresses}" for addresses in (BRIDGE, NETWORKS)))
        commands = map(processes.command_line, processes.all_ids() - self.older)
        processes_left = [line for line in commands if any(sign in line for sign in signs)]
        mounts = [f"mount {place}" for place in self._mounts() if place.startswith(folder)]
        return processes_left + mounts + self.network.left()

    @staticmethod
    def _mounts():
        return [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]

    def docker(self, *arguments, input=None, timeout=300):
        """Runs the client; gives what it printed."""
        return self._run([DOCKER, *arguments], self.environment, input, timeout)

    def compose(self, *arguments, settings, directory, timeout=300):
        """Runs compose; gives what it printed."""
        return self._run([COMPOSE, *arguments], self.environment | settings, None, timeout, directory)

    def logs(self, container):
        """What a container has written to both of its streams."""
        command = [DOCKER, "logs", container]
        done = subprocess.run(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        )
        return done.stdout

    def build(self, tag, context, timeout=300, **arguments):
        """Builds an image, telling how that goes."""
        words = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        command = [DOCKER, "build", "--tag", tag, *words, str(context)]
        subprocess.run(command, env=self.environment, check=True, timeout=timeout)

    def load(self, tag, *tar, change=None):
        """Makes an image of the files that tar packs with these arguments."""
        words = ["--change", change] if change else []
        packer = subprocess.Popen(["tar", "-c", *tar], stdout=subprocess.PIPE)
        subprocess.run(
            [DOCKER, "import", *words, "-", tag],
            env=self.environment,
            stdin=packer.stdout,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=1200,
        )
        packer.stdout.close()
        assert packer.wait() == 0, "tar failed"

    def inspect(self, thing, kind="container"):
        """What the engine knows of something."""
        return json.loads(self.docker(kind, "inspect", thing))[0]

    @staticmethod
    def _run(command, environment, input, timeout, directory=None):
        done = subprocess.run(
            command,
            env=environment,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=directory,
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout


class Network:
    """The machine's packet filter and bridge as they were, to be that again."""

    def __init__(self):
        self.rules = self._rules()
        self.policies = self._policies()
        self.links = self._links()
        self.forwarding = FORWARDING.read_text()

    def restore(self):
        """Removes what has come since, and nothing else."""
        came = [rule for rule in self._rules() if rule not in self.rules]
        for table, words in came:
            if words[0] == "-A":
                self._iptables("-t", table, "-D", *words[1:])
        chains = [(table, words[1]) for table, words in came if words[0] == "-N"]
        for option in ("-F", "-X"):
            for table, chain in chains:
                self._iptables("-t", table, option, chain)
        for (table, chain), policy in self._policies().items():
            # A table that nobody has used yet is not listed, and lets everything through.
            before = self.policies.get((table, chain), "ACCEPT")
            if before != policy:
                self._iptables("-t", table, "-P", chain, before)
        if "docker0" in self._links() - self.links:
            subprocess.run(["ip", "link", "delete", "docker0"], check=False)
        FORWARDING.write_text(self.forwarding)

    def left(self):
        """What differs from what was."""
        now = Network()
        rules = [f"{table}: {' '.join(words)}" for table, words in now.rules if (table, words) not in self.rules]
        gone = [f"{table} without {' '.join(words)}" for table, words in self.rules if (table, words) not in now.rules]
        policies = [
            f"{table}: {chain} is {policy}"
            for (table, chain), policy in now.policies.items()
            # A table that nobody has used yet is not listed, and lets everything through.
            if policy != self.policies.get((table, chain), "ACCEPT")
        ]
        # As an engine calls its own.
        links = [f"link {name}" for name in now.links - self.links if name.startswith(("docker", "br-", "veth"))]
        forwarding = [] if now.forwarding == self.forwarding else [f"forwarding is {now.forwarding.strip()}"]
        return rules + gone + policies + links + forwarding

    @staticmethod
    def _iptables(*words):
        subprocess.run(["iptables", "-w", *words], check=False, capture_output=True)

    @staticmethod
    def _saved():
        table = None
        for line in subprocess.run(["iptables-save"], capture_output=True, text=True).stdout.splitlines():
            if line.startswith("*"):
                table = line[1:]
            elif line.startswith((":", "-A")):
                yield table, line

    @classmethod
    def _rules(cls):
        rules = []
        for table, line in cls._saved():
            if line.startswith("-A"):
                rules.append((table, tuple(shlex.split(line))))
            elif line.split()[1] == "-":
                rules.append((table, ("-N", line.split()[0][1:])))
        return rules

    @classmethod
    def _policies(cls):
        lines = [(table, line.split()) for table, line in cls._saved() if line.startswith(":")]
        return {(table, words[0][1:]): words[1] for table, words in lines if words[1] != "-"}

    @staticmethod
    def _links():
        return {path.name for path in pathlib.Path("/sys/class/net").iterdir()}


class Images:
    """Every image of the topology, made of Debian's packages and this folder."""

    BASE, SWIFT, POSTGRES, NEIGHBOURS, LATCHKEY = (
        f"latchkey-test/{name}" for name in ("debian", "swift", "postgres", "neighbours", "latchkey")
    )

    def __init__(self, engine):
        self.engine = engine
        self.sources = processes.REPOSITORY / "Tests" / "Compose"

    def make(self):
        """Makes the bases where they are missing, and of them what is made of this folder as it is now."""
        if not self._have(self.BASE, self.SWIFT):
            self._make_bases()
        for tag, folder in ((self.POSTGRES, "postgres"), (self.NEIGHBOURS, "neighbours")):
            self.engine.build(tag, self.sources / folder, timeout=900, BASE_IMAGE=self.BASE)
        self.engine.build(
            self.LATCHKEY,
            processes.REPOSITORY,
            timeout=3600,
            SWIFT_IMAGE=self.SWIFT,
            BASE_IMAGE=self.BASE,
        )

    def _have(self, *tags):
        return all(self.engine.docker("image", "ls", "--quiet", tag) for tag in tags)

    def _make_bases(self):
        root = self.engine.folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(root)], check=True, timeout=900)
        self.engine.load(self.BASE, "-C", str(root), ".")
        self._make_swift(root)
        shutil.rmtree(root)

    def _make_swift(self, root):
        """The toolchain of this machine, at the same place, and the packages that it has fetched."""
        toolchain = pathlib.Path(shutil.which("swift")).resolve().parents[1]
        assert toolchain != pathlib.Path("/usr"), "a toolchain of the system's own folder cannot be told from the system"
        path = f"{toolchain}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        left_out = [f"--exclude={name}" for name in ("*lldb*", "*clangd*", "usr/share/doc")]
        bare = f"{self.SWIFT}-bare"
        self.engine.load(
            bare, *left_out, "-C", str(root), ".", "-C", "/", str(toolchain)[1:], change=f"ENV PATH={path}"
        )
        subprocess.run(["swift", "package", "resolve"], cwd=processes.REPOSITORY, check=True, timeout=600)
        context = self.engine.folder / "swift"
        shutil.rmtree(context, ignore_errors=True)
        shutil.copytree(self.sources / "swift", context)
        for repository in (processes.REPOSITORY / ".build" / "repositories").iterdir():
            # The folders are called by the package's name and a hash.
            name = repository.name.rsplit("-", 1)[0]
            shutil.copytree(repository, context / "repositories" / name, symlinks=True)
        self.engine.build(self.SWIFT, context, timeout=900, BASE_IMAGE=bare)
