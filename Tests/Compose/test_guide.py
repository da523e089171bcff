"""What Services/DEPLOYING.md has an operator type, typed."""

import re
import shlex
import subprocess

from harness import containers, processes
from harness.stack import RUNNING

GUIDE = (processes.REPOSITORY / "Services" / "DEPLOYING.md").read_text()


def command(first):
    """The one command of the guide's text that begins with these words, word by word."""
    (found,) = {line for line in re.findall(r"`([^`\n]+)`", GUIDE) if line.startswith(first + " ")}
    return shlex.split(found)


def blocks(title):
    """The blocks of commands below a title."""
    (section,) = (part for part in GUIDE.split("\n## ") if part.startswith(title + "\n"))
    return re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S)


def shell(stack, folder, block):
    """Runs a block as it stands, in a folder, with this machine's compose."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'docker() {{ shift; {containers.COMPOSE} "$@"; }}\n{block}'],
        env=stack.engine.environment | stack.settings | {"COMPOSE_FILE": str(processes.REPOSITORY / "compose.yaml")},
        cwd=folder, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{block}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


def test_the_first_owner_is_invited(stack):
    link = stack.compose("run", "--rm", "-T", "operator", *command("users invite")).strip()
    assert link.startswith(f"{stack.url}/") and "#" in link


def test_the_audit_log_is_verified(stack):
    stack.license()
    said = stack.compose("run", "--rm", "-T", "operator", *command("audit verify")).splitlines()
    assert said and all(" ok" in line for line in said), said


def test_master_keys_are_shown_and_rotated(stack):
    key = stack.license()

    def status():
        return stack.compose("run", "--rm", "-T", "master-keys")

    before = status()
    for service in ("keys", "licenses", "signing", "webhooks"):
        assert f"secrets/{service}/master-keys" in before
    stack.compose("run", "--rm", "-T", "master-keys", *command("rotate --settings"))
    assert status() != before
    assert stack.is_valid(key) and stack.is_valid(stack.license())


def test_an_upgrade_begins_beside_what_runs(stack):
    """All but the last of its commands, which replaces the services, and the first, which fetches a version."""

    def starts():
        return {service: stack.inspect(service)["State"]["StartedAt"] for service in RUNNING}

    (steps,) = (block.splitlines() for block in blocks("Upgrading") if "git pull" in block)
    before = starts()
    shell(stack, processes.REPOSITORY, "\n".join(steps[1:-1]))
    assert starts() == before


def test_a_backup_brings_everything_back_on_a_new_machine(stack, tmp_path):
    key = stack.license()
    save, restore = blocks("Backups")
    shell(stack, tmp_path, save)
    later = stack.license()
    stack.compose("down", "--volumes", "--timeout", "40")
    shell(stack, tmp_path, restore)
    stack.up()
    processes.poll(lambda: stack.is_valid(key), 30, "the license is validated", 0.2)
    # It came after the backup.
    assert not stack.is_valid(later)
    # And it goes on.
    assert stack.is_valid(stack.license())
