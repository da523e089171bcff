"""What a service does with settings that are wrong: it does not start, and says all of it at once."""

import json
import subprocess

import pytest

from harness import processes

# EX_CONFIG and EX_USAGE of sysexits.h.
SETTINGS_REFUSED, USAGE_REFUSED = 78, 64

REQUIRED = {
    "keys": {
        "LATCHKEY_DATABASE_URL",
        "LATCHKEY_DATABASE_PASSWORD_FILE",
        "LATCHKEY_MASTER_KEYS_FILE",
        "LATCHKEY_DASHBOARD_URL",
        "LATCHKEY_SIGNING_ADDRESS",
    },
    "licenses": {
        "LATCHKEY_DATABASE_URL",
        "LATCHKEY_DATABASE_PASSWORD_FILE",
        "LATCHKEY_MASTER_KEYS_FILE",
        "LATCHKEY_SIGNING_ADDRESS",
    },
    "signing": {
        "LATCHKEY_DATABASE_URL",
        "LATCHKEY_DATABASE_PASSWORD_FILE",
        "LATCHKEY_MASTER_KEYS_FILE",
    },
    "webhooks": {
        "LATCHKEY_DATABASE_URL",
        "LATCHKEY_DATABASE_PASSWORD_FILE",
        "LATCHKEY_MASTER_KEYS_FILE",
    },
    "gateway": {
        "LATCHKEY_HTTPS_LISTEN",
        "LATCHKEY_TLS_CERT_FILE",
        "LATCHKEY_TLS_KEY_FILE",
        "LATCHKEY_KEYS_ADDRESS",
        "LATCHKEY_LICENSES_ADDRESS",
        "LATCHKEY_SIGNING_ADDRESS",
        "LATCHKEY_WEBHOOKS_ADDRESS",
    },
}
COMMON = {
    "LATCHKEY_RPC_LISTEN",
    "LATCHKEY_RPC_CERT_FILE",
    "LATCHKEY_RPC_KEY_FILE",
    "LATCHKEY_RPC_CA_FILE",
}


def start(service, environment, *arguments):
    """Runs a service that must not start; gives its exit status and its log lines."""
    done = subprocess.run(
        [processes.binary(f"latchkey-{service}"), *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def messages(text):
    return [json.loads(line)["message"] for line in text.splitlines()]


@pytest.mark.parametrize("service", REQUIRED)
def test_every_missing_setting_is_named(service):
    status, said = start(service, {})
    assert status == SETTINGS_REFUSED, said
    said = messages(said)
    for name in REQUIRED[service] | COMMON:
        assert any(message.startswith(f"{name} is not set") for message in said), (name, said)


@pytest.mark.parametrize("service", REQUIRED)
def test_an_unknown_setting_stops_the_start(service):
    """A misspelt setting must not be ignored silently."""
    status, said = start(service, {"LATCHKEY_RPC_LISTEM": "127.0.0.1:0"})
    assert status == SETTINGS_REFUSED
    assert "LATCHKEY_RPC_LISTEM is not a setting of this program" in messages(said)


def test_a_password_in_the_connection_string_is_refused_and_not_repeated():
    status, said = start("keys", {"LATCHKEY_DATABASE_URL": "postgresql://keys:hunter2@localhost/x"})
    assert status == SETTINGS_REFUSED
    assert any(message.startswith("LATCHKEY_DATABASE_URL") for message in messages(said))
    assert "hunter2" not in said


def test_migrations_need_a_database_of_their_own():
    status, said = start("licenses", {}, "migrate")
    assert status == SETTINGS_REFUSED
    assert any(message.startswith("LATCHKEY_MIGRATION_DATABASE_URL") for message in messages(said))


@pytest.mark.parametrize(
    "arguments", [["gateway", "migrate"], ["keys", "sideways"], ["keys", "migrate", "twice"]]
)
def test_other_arguments_are_refused(arguments):
    service, *rest = arguments
    status, said = start(service, {}, *rest)
    assert status == USAGE_REFUSED and said.startswith("usage: latchkey-"), said
