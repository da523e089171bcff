"""compose.yaml without containers: that it says what `latchkey up` says, and keeps what it promises."""

import pathlib
import subprocess

import pytest
import yaml

from harness import deployment as deployments
from harness import processes

FILE = yaml.safe_load((processes.REPOSITORY / "compose.yaml").read_text())
SERVICES = FILE["services"]
# What only a development machine wants.
DEVELOPMENT = {"LATCHKEY_LIFELINE_FD", "LATCHKEY_WEBHOOKS_ALLOW_LOOPBACK", "LATCHKEY_WEBHOOKS_ALLOW_HTTP"}


@pytest.mark.parametrize("service", deployments.SERVICES)
def test_each_service_has_the_settings_that_it_needs(deployment, service):
    text = pathlib.Path(f"/proc/{deployment.pid(service)}/environ").read_text()
    names = {entry.split("=", 1)[0] for entry in text.split("\0") if entry.startswith("LATCHKEY_")}
    assert names - DEVELOPMENT - set(SERVICES[service]["environment"]) == set()
    assert not DEVELOPMENT & set(SERVICES[service]["environment"])


def test_only_the_gateway_publishes_a_port():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]


def test_the_gateway_has_no_way_to_the_database():
    assert "database" not in SERVICES["gateway"]["networks"]
    assert [name for name in SERVICES["gateway"]["environment"] if "DATABASE" in name or "MASTER" in name] == []


def test_what_the_operator_is_shown_is_kept_by_nobody():
    assert SERVICES["operator"]["logging"] == {"driver": "none"}
    # It asks this one, which is there a while after `up` has returned.
    assert SERVICES["operator"]["depends_on"] == {"keys": {"condition": "service_healthy"}}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_container_has_rights_that_it_does_not_need(service):
    one = SERVICES[service]
    assert one["read_only"] and one["cap_drop"] == ["ALL"] and one["security_opt"] == ["no-new-privileges:true"]
    assert one["mem_limit"] and one["pids_limit"]


# A gateway has a core for each worker; of the database's share the operator decides.
CORES = {"gateway": "${LATCHKEY_WORKERS:-1}", "postgres": "${LATCHKEY_POSTGRES_CPUS:-0}"}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_each_container_has_as_many_cores_as_it_may_take(service):
    assert SERVICES[service]["cpus"] == CORES.get(service, 1.0)


def test_the_gateway_has_as_many_workers_as_cores():
    assert SERVICES["gateway"]["environment"]["LATCHKEY_WORKERS"] == SERVICES["gateway"]["cpus"]


@pytest.mark.parametrize("service", deployments.SERVICES)
def test_no_service_starts_before_the_database_is_migrated(service):
    once = {"condition": "service_completed_successfully"}
    assert SERVICES[service]["depends_on"]["migrate"] == once
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    # Which has its password and certificate by then.
    assert SERVICES["postgres"]["depends_on"]["setup"] == once


@pytest.mark.parametrize("service", deployments.SERVICES)
def test_secrets_of_a_service_are_mounted_by_nobody_else_that_stays(service):
    for kind in ("secrets", "certificates"):
        volume = f"{service}-{kind}"
        users = {
            name
            for name, one in SERVICES.items()
            if one["restart"] != "no" and any(mount.split(":")[0] == volume for mount in one.get("volumes", []))
        }
        keepers = {"certificates"} if kind == "certificates" else set()
        assert users - keepers == ({service} if f"{service}-{kind}" in FILE["volumes"] else set())


class HealthCheck:
    """The health check of Postgres, run with a server and a signal that only say that they were asked."""

    COMMANDS = """
        pg_isready() { [ -e %(folder)s/answers ]; }
        kill() { echo "$*" >>%(folder)s/signals; }
    """

    def __init__(self, folder):
        self.folder = folder
        self.certificate = folder / "postgres.pem"
        self.certificate.write_text("the first")
        kind, script = SERVICES["postgres"]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        script = script.replace("$$", "$").replace("/run/latchkey/certificates/", f"{folder}/")
        self.script = self.COMMANDS % {"folder": folder} + script.replace("/tmp/loaded", f"{folder}/loaded")

    def passes(self):
        return subprocess.run(["sh", "-c", self.script], stderr=subprocess.DEVNULL).returncode == 0

    def signals(self):
        file = self.folder / "signals"
        return file.read_text().splitlines() if file.exists() else []


def test_postgres_is_told_once_of_each_certificate(tmp_path):
    check = HealthCheck(tmp_path)
    assert not check.passes() and check.signals() == [], "it does not answer"
    (tmp_path / "answers").touch()
    # The one it has started with is told of too, as it may have come in between.
    assert check.passes() and check.passes()
    assert check.signals() == ["-HUP 1"]
    check.certificate.write_text("the second")
    assert check.passes() and check.passes()
    assert check.signals() == ["-HUP 1"] * 2
    check.certificate.unlink()
    assert not check.passes()


class FirstStart:
    """The entry point of Postgres over a folder in the place of its volume, without a server."""

    def __init__(self, folder):
        self.volume, self.programs = folder / "volume", folder / "programs"
        self.volume.mkdir()
        self.programs.mkdir()
        self._program("docker-entrypoint.sh", 'echo "$PGDATA" "$@"')

    def _program(self, name, script):
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def run(self, initialise):
        """Starts it, with this script in the place of what makes a cluster; gives how that went."""
        self._program("docker-ensure-initdb.sh", initialise)
        shell, flag, script, name = SERVICES["postgres"]["entrypoint"]
        script = script.replace("$$", "$").replace("/var/lib/postgresql/data", str(self.volume))
        environment = {"PATH": f"{self.programs}:/usr/bin:/bin", "PGDATA": f"{self.volume}/cluster"}
        return subprocess.run(
            [shell, flag, script, name, "postgres", "-c", "ssl=on"], env=environment, capture_output=True, text=True
        )


def test_a_first_start_of_postgres_that_was_interrupted_is_begun_anew(tmp_path):
    start = FirstStart(tmp_path)
    # This file is what a cluster is known by, and is written early.
    done = start.run('mkdir "$PGDATA" && touch "$PGDATA/PG_VERSION" && kill -9 $$')
    assert done.returncode != 0 and done.stdout == ""
    done = start.run('mkdir "$PGDATA" && touch "$PGDATA/PG_VERSION" "$PGDATA/pg_hba.conf"')
    started = f"{start.volume}/cluster postgres -c ssl=on\n"
    assert done.stdout == started, done.stderr
    assert [path.name for path in start.volume.iterdir()] == ["cluster"]
    assert (start.volume / "cluster" / "pg_hba.conf").exists()
    # A cluster that is there is left alone.
    assert start.run("exit 1").stdout == started
