"""What Services/DEPLOYING.md has an operator type, typed."""

import time

import pytest

from harness import processes
from harness.guide import Guide
from harness.stack import PROJECT, RUNNING, SERVICES

GUIDE = Guide("DEPLOYING.md")


def test_the_first_owner_is_invited(stack):
    link = stack.compose("run", "--rm", "-T", "operator", *GUIDE.command("users invite")).strip()
    assert link.startswith(f"{stack.url}/") and "#" in link


def test_the_audit_log_is_verified(stack):
    stack.license()
    said = stack.compose("run", "--rm", "-T", "operator", *GUIDE.command("audit verify")).splitlines()
    assert said and all(" ok" in line for line in said), said


def test_master_keys_are_shown_and_rotated(stack):
    key = stack.license()

    def status():
        return stack.compose("run", "--rm", "-T", "master-keys")

    before = status()
    for service in ("keys", "licenses", "signing", "webhooks"):
        assert f"secrets/{service}/master-keys" in before
    stack.compose("run", "--rm", "-T", "master-keys", *GUIDE.command("rotate --settings"))
    assert status() != before
    assert stack.is_valid(key) and stack.is_valid(stack.license())


@pytest.fixture
def next_version(engine, images, tmp_path):
    """An image of another version, as an upgrade builds it in its first step."""
    (tmp_path / "Dockerfile").write_text('ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nLABEL version="next"\n')
    tag = f"{images.LATCHKEY}:next"
    engine.build(tag, tmp_path, BASE_IMAGE=images.LATCHKEY)
    yield tag
    engine.docker("image", "rm", tag)


def images_that_run(stack):
    """The image of every container that runs, by its service."""
    label = f"label=com.docker.compose.project={PROJECT}"
    names = stack.engine.docker("ps", "--filter", label, "--format", "{{.Names}}")
    found = [stack.engine.inspect(name) for name in names.split()]
    return {one["Config"]["Labels"]["com.docker.compose.service"]: one["Image"] for one in found}


def ends(stack, service, since):
    """Of which image the containers of a service were that have ended since then, and with which status."""
    words = ("--filter", "type=container", "--filter", "event=die")
    shown = "{{.Actor.Attributes.image}} {{.Actor.Attributes.exitCode}}"
    label = f"label=com.docker.compose.service={service}"
    span = ("--since", f"{since:.6f}", "--until", f"{time.time():.6f}")
    lines = stack.engine.docker("events", *span, *words, "--filter", label, "--format", shown).splitlines()
    return [tuple(line.rsplit(" ", 1)) for line in lines]


def all_go_on(stack, key):
    """Waits until what was replaced is there, with an earlier license and with another one."""
    for service in SERVICES:
        stack.wait_until_healthy(service)
    processes.poll(lambda: stack.is_valid(key), 30, "the license is validated", 0.2)
    assert stack.is_valid(stack.license())


def test_an_upgrade_is_carried_out_and_taken_back(stack, images, next_version):
    (block,) = GUIDE.blocks("sh", "Upgrading")
    fetch, *beside, replace = block.splitlines()
    assert fetch.startswith("git pull && docker compose build ")
    key = stack.license()
    old, new = (stack.engine.inspect(tag, "image")["Id"] for tag in (images.LATCHKEY, next_version))
    database = stack.inspect("postgres")["Image"]
    assert images_that_run(stack) == dict.fromkeys(RUNNING, old) | {"postgres": database}

    def starts(*services):
        return {service: stack.inspect(service)["State"]["StartedAt"] for service in services}

    with stack.changed(LATCHKEY_IMAGE=next_version):
        # Tables are made by the new version while the one before goes on.
        before, begun = starts(*RUNNING), time.time()
        stack.type("\n".join(beside))
        assert starts(*RUNNING) == before
        assert ends(stack, "setup", begun) == ends(stack, "migrate", begun) == [(next_version, "0")]

        migrated = starts("migrate")
        stack.type(replace)
        assert images_that_run(stack) == dict.fromkeys(RUNNING, new) | {"postgres": database}
        assert starts("postgres") == {"postgres": before["postgres"]}
        once = stack.inspect("migrate")
        assert (once["Image"], once["State"]["ExitCode"]) == (new, 0) and starts("migrate") != migrated
        all_go_on(stack, key)

        # Back to the version before, whose image may not migrate.
        stack.settings = stack.settings | {"LATCHKEY_IMAGE": images.LATCHKEY}
        migrated = starts("migrate")
        stack.compose(*GUIDE.command("docker compose up -d --no-deps")[2:])
        all_go_on(stack, key)
        assert {service: images_that_run(stack)[service] for service in SERVICES} == dict.fromkeys(SERVICES, old)
        assert starts("migrate") == migrated

        # `up` alone brings the new one as well, with a longer pause.
        stack.settings = stack.settings | {"LATCHKEY_IMAGE": next_version}
        stack.compose("up", "-d", "--no-build")
        all_go_on(stack, key)
        assert images_that_run(stack) == dict.fromkeys(RUNNING, new) | {"postgres": database}
        assert starts("migrate") != migrated


def test_a_backup_brings_everything_back_on_a_new_machine(stack, tmp_path):
    key = stack.license()
    save, restore = GUIDE.blocks("sh", "Backups")
    stack.type(save, tmp_path)
    later = stack.license()
    stack.compose("down", "--volumes", "--timeout", "40")
    stack.type(restore, tmp_path)
    stack.up()
    processes.poll(lambda: stack.is_valid(key), 30, "the license is validated", 0.2)
    # It came after the backup.
    assert not stack.is_valid(later)
    # And it goes on.
    assert stack.is_valid(stack.license())
