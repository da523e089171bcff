"""`latchkey deploy` and what goes with it, without containers."""

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
    assert done.stderr.startswith(f"latchkey: {option} is not a libpq connection string"), done.stderr
    assert "hunter2" not in done.stderr


def test_a_password_in_the_administrators_name_is_refused(tmp_path):
    where = ("--volumes", tmp_path, "--server", "host=localhost")
    done = latchkey("deploy", "migrate", *where, "--administrator", "a password=hunter2")
    assert done.returncode == 1 and "hunter2" not in done.stderr, done.stderr
    assert "without a password" in done.stderr
