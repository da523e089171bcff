"""`latchkey deploy` and what goes with it, without containers."""

import json
import shutil
import subprocess

import pytest

from harness import processes


def latchkey(*arguments):
    return subprocess.run(
        [processes.binary("latchkey"), *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
    )  # fmt: skip


# How the server's address is given: in a list of arguments, which every user of the machine can read.
COMMANDS = {
    "--server": lambda address, folder: ("deploy", "migrate", "--volumes", folder, "--server", address),
    "--database-url": lambda address, folder: ("audit", "verify", "--database-url", address),
}


@pytest.mark.parametrize("option", COMMANDS)
@pytest.mark.parametrize(
    "address",
    (
        "host=localhost password=hunter2",
        "host=db.example sslmode=verify-full sslpassword=hunter2",
        "host=db.example",
        "host=db.example sslmode=require",
        "host=hunter2 sslmode",
    ),
)
def test_an_address_that_is_not_safe_is_refused_and_not_repeated(tmp_path, option, address):
    done = latchkey(*COMMANDS[option](address, tmp_path))
    assert done.returncode != 0 and done.stdout == ""
    assert f"{option} is not a libpq connection string" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_password_in_the_administrators_name_is_refused(tmp_path):
    where = ("--volumes", tmp_path, "--server", "host=localhost")
    done = latchkey("deploy", "migrate", *where, "--administrator", "a password=hunter2")
    assert done.returncode == 1 and "hunter2" not in done.stderr, done.stderr
    assert "without a password" in done.stderr


VOLUMES = {
    "secrets": ("database", "postgres", "keys", "signing", "licenses", "webhooks", "operator"),
    "certificates": ("authorities", "postgres", "keys", "signing", "licenses", "webhooks", "gateway", "operator"),
}


@pytest.fixture
def volumes(tmp_path):
    """The volumes of a deployment after its first start, with the keys of an account."""
    for kind, holders in VOLUMES.items():
        for holder in holders:
            (tmp_path / kind / holder).mkdir(parents=True)
    done = latchkey("deploy", "setup", "--volumes", tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_what_containers_do_by_themselves_is_logged_as_services_log(volumes):
    done = latchkey("deploy", "setup", "--volumes", volumes)
    assert done.returncode == 0 and done.stdout == ""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(line["service"], line["level"]) for line in lines} == {("deploy", "info")}
    assert [line["message"] for line in lines] == ["secrets are there", "certificates are there"]
    # And so is what goes wrong.
    shutil.rmtree(volumes / "secrets" / "keys")
    done = latchkey("deploy", "setup", "--volumes", volumes)
    [line] = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1 and line["level"] == "critical" and "secrets/keys" in line["message"]


def everything(folder):
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_keys_that_are_forgotten_are_gone_and_not_made_anew(volumes):
    file = volumes / "secrets" / "operator" / "dev.env"
    names = ("LATCHKEY_TEST_API_KEY", "LATCHKEY_LIVE_API_KEY", "LATCHKEY_SIGNING_KEY")
    kept = "LATCHKEY_URL=https://licensing.example\nLATCHKEY_KEYS_RPC_ADDRESS=keys:8444\n"
    file.write_text(kept + "".join(f"{name}=hunter2\n" for name in names))
    done = latchkey("deploy", "account", "--forget", "--volumes", volumes)
    assert done.returncode == 0, done.stderr
    assert file.read_text() == kept and file.stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in everything(volumes)
    # No service runs that could be asked for others.
    for _ in range(2):
        done = latchkey("deploy", "account", "--volumes", volumes, "--url", "https://other.example")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "LATCHKEY_URL=https://other.example\n"
        assert "not kept here any more" in done.stderr
    assert "API_KEY=" not in file.read_text() and "LATCHKEY_KEYS_RPC_ADDRESS=keys:8444\n" in file.read_text()


def test_nothing_is_forgotten_before_there_is_an_account(volumes):
    done = latchkey("deploy", "account", "--forget", "--volumes", volumes)
    assert done.returncode == 1 and "There is no account yet" in done.stderr
    assert not (volumes / "secrets" / "operator" / "api-keys-forgotten").exists()
