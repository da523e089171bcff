"""Flags, the environment and a file; and what a service does with settings that are wrong: it does not start, and says
all of it at once."""

import json
import pathlib
import re
import shlex
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


def run(service, environment, *arguments):
    """Runs a service that ends by itself."""
    return subprocess.run(
        [processes.binary(f"latchkey-{service}"), *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )


def start(service, environment, *arguments):
    """Runs a service that must not start; gives its exit status and its log lines."""
    done = run(service, environment, *arguments)
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
    sentence = "is not a setting of this program; remove it, or correct its name (--help lists them)"
    assert f"LATCHKEY_RPC_LISTEM {sentence}" in messages(said)


def test_a_password_in_the_connection_string_is_refused_and_not_repeated():
    status, said = start("keys", {"LATCHKEY_DATABASE_URL": "postgresql://keys:hunter2@localhost/x"})
    assert status == SETTINGS_REFUSED
    assert any(message.startswith("LATCHKEY_DATABASE_URL") for message in messages(said))
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "service, name, value",
    (
        ("keys", "LATCHKEY_DATABASE_URL", "host=db.example user=latchkey_keys"),
        ("keys", "LATCHKEY_DATABASE_URL", "postgresql://latchkey_keys@10.0.0.1/latchkey?sslmode=require"),
        ("gateway", "LATCHKEY_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("gateway", "LATCHKEY_TRUSTED_PROXIES", "10.0.0.0/8,::/0"),
    ),
)
def test_a_setting_that_is_not_safe_stops_the_start(good, service, name, value):
    status, said = start(service, good[service] | {name: value})
    assert status == SETTINGS_REFUSED
    [complaint] = [message for message in messages(said) if message.startswith(name)]
    assert "; expected " in complaint


@pytest.mark.parametrize(
    "name, value, sentence",
    (
        ("ALLOWED_RANGES", "8.8.8.0/24", "is not acceptable: The range 8.8.8.0/24 is not private; allowed are parts of "),
        ("ALLOWED_RANGES", "10.0.0.0/8,0.0.0.0/0", "is not acceptable: The range 0.0.0.0/0 is not private; "),
        ("ALLOWED_RANGES", "10.0.0.1", "is '10.0.0.1'; expected address ranges such as 10.0.0.0/8, separated by commas"),
        ("ALLOW_HTTP", "yes", "is 'yes'; expected on or off"),
    ),
)
def test_what_cannot_be_opened_to_webhooks_stops_the_start(name, value, sentence, good):
    status, said = start("webhooks", good["webhooks"] | {f"LATCHKEY_WEBHOOKS_{name}": value})
    assert status == SETTINGS_REFUSED
    said = messages(said)
    # One sentence of the setting, and one of the start.
    assert len(said) == 2 and said[0].startswith(f"LATCHKEY_WEBHOOKS_{name} {sentence}"), said


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


# One setting in several places.


@pytest.fixture
def good(tmp_path):
    """Settings with which each service would start: {service: {name: value}}."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o600)

    def value(name):
        if name == "LATCHKEY_DASHBOARD_URL":
            return "https://localhost:8443"
        if name.endswith("_URL"):
            return "host='/it\\'s here' user=keys"
        return str(secret) if name.endswith("_FILE") else "127.0.0.1:0"

    return {service: {name: value(name) for name in REQUIRED[service] | COMMON} for service in REQUIRED}


def printed(service, environment, *arguments):
    """What --print-config prints: the text, and {group: {name: value}}."""
    done = run(service, environment, *arguments, "--print-config")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    groups = {}
    for block in done.stdout.split("\n\n"):
        heading, *lines = block.strip().splitlines()
        # As a shell reads it.
        pairs = (shlex.split(line)[0].split("=", 1) for line in lines if not line.startswith("#"))
        groups[heading.removeprefix("# ")] = dict(pairs)
    return done.stdout, groups


def test_flags_go_before_the_environment_before_the_file_before_the_default(good, tmp_path):
    file = tmp_path / "keys.conf"
    file.write_text(
        "# Of all services.\n"
        "LATCHKEY_LOG_LEVEL=debug\nLATCHKEY_LEAKED_API_KEYS=alert\nLATCHKEY_SIGNING_ADDRESS='file:1'\n"
        "LATCHKEY_WEBHOOKS_MAX=7\n"
    )
    environment = good["keys"] | {"LATCHKEY_LOG_LEVEL": "notice", "LATCHKEY_SIGNING_ADDRESS": "variable:1"}
    # Another service's, since one environment may serve all.
    environment |= {"LATCHKEY_HTTPS_LISTEN": "127.0.0.1:0"}
    _, groups = printed("keys", environment, "--config", file, "--signing-address=flag:1", "--trace-ratio", "0.5")
    assert groups["flags"] == {"LATCHKEY_TRACE_RATIO": "0.5", "LATCHKEY_SIGNING_ADDRESS": "flag:1"}
    assert groups["environment"]["LATCHKEY_LOG_LEVEL"] == "notice"
    assert "LATCHKEY_HTTPS_LISTEN" not in groups["environment"]
    assert groups[f"file {file}"] == {"LATCHKEY_LEAKED_API_KEYS": "alert"}
    assert groups["default"] == {"LATCHKEY_WORKERS": "1", "LATCHKEY_LEAKED_API_KEYS_OVERLAP_SECONDS": "86400"}
    # A variable can name the file as well.
    _, again = printed("keys", environment | {"LATCHKEY_CONFIG": str(file)})
    assert again[f"file {file}"] == groups[f"file {file}"]


@pytest.mark.parametrize("service", REQUIRED)
def test_what_is_printed_is_a_file_of_settings_without_any_secret(service, good, tmp_path):
    text, groups = printed(service, good[service])
    assert groups["environment"] == good[service]
    assert "hunter2" not in text
    file = tmp_path / "settings.conf"
    file.write_text(text)
    _, again = printed(service, {}, "--config", file)
    # Defaults are printed too, so what is left to the second one is what was set to nothing.
    defaults = groups["default"]
    assert again.pop("default", {}) == {name: value for name, value in defaults.items() if not value}
    assert again == {f"file {file}": groups["environment"] | {n: value for n, value in defaults.items() if value}}


@pytest.mark.parametrize("service", REQUIRED)
def test_help_lists_what_the_page_of_settings_lists(service):
    done = run(service, {}, "--help")
    assert done.returncode == 0 and done.stderr == ""
    listed = set(re.findall(r"^  (--[a-z0-9-]+) ", done.stdout, re.M))
    page = (processes.REPOSITORY / "Services/SETTINGS.md").read_text()
    sections = dict(section.split("\n", 1) for section in page.split("\n## ")[1:])
    titles = ["Every service", service]
    if service != "gateway":
        titles.append("`migrate` of every service with a database")
    rows = "".join(sections[title] for title in titles)
    names = re.findall(r"^\| `LATCHKEY_(\w+)`", rows, re.M)
    assert listed == {"--" + name.lower().replace("_", "-") for name in names}
    assert {f"LATCHKEY_{name}" for name in names} > REQUIRED[service] | COMMON


def test_migrations_take_flags_and_a_file_too(tmp_path, good):
    password = good["keys"]["LATCHKEY_DATABASE_PASSWORD_FILE"]
    file = tmp_path / "migrate.conf"
    file.write_text(f"LATCHKEY_MIGRATION_DATABASE_PASSWORD_FILE={password}\n")
    arguments = ["migrate", "--migration-database-url=host=/run", "--config", file]
    _, groups = printed("keys", good["keys"], *arguments)
    assert groups["flags"] == {"LATCHKEY_MIGRATION_DATABASE_URL": "host=/run"}
    assert groups[f"file {file}"] == {"LATCHKEY_MIGRATION_DATABASE_PASSWORD_FILE": password}


UNKNOWN_FLAG = "is not a setting of this program; --help lists them"
UNKNOWN_NAME = "is not a setting of this program; remove it, or correct its name (--help lists them)"


@pytest.mark.parametrize(
    "arguments, line, sentence",
    [
        (["--rpc-listem", "x:1"], "", f"--rpc-listem {UNKNOWN_FLAG}"),
        (["--https-listen", "x:1"], "", f"--https-listen {UNKNOWN_FLAG}"),
        (["--log-level=info", "--log-level=info"], "", "--log-level is there more than once; leave one of them"),
        (["--rpc-listen"], "", "--rpc-listen has no value; write --rpc-listen HOST:PORT"),
        (["--rpc-listen=x"], "", "--rpc-listen is 'x'; expected host:port"),
        (["--config=/none"], "", "--config is '/none'; expected the path of a file that this process can read"),
        ([], "LATCHKEY_LOG_LEVEM=info", f"FILE:2: LATCHKEY_LOG_LEVEM {UNKNOWN_NAME}"),
        ([], "PATH=/bin", f"FILE:2: PATH {UNKNOWN_NAME}"),
        ([], "nothing", "FILE:2: is no setting; write NAME=VALUE, or NAME='VALUE'"),
        ([], "LATCHKEY_TRACE_RATIO=1", "FILE:2: LATCHKEY_TRACE_RATIO is there a second time; leave one of the lines"),
        ([], "LATCHKEY_LOG_LEVEL=loud", "FILE:2: LATCHKEY_LOG_LEVEL is 'loud'; expected one of trace, "),
    ],
)
def test_each_mistake_is_one_sentence(arguments, line, sentence, good, tmp_path):
    file = tmp_path / "keys.conf"
    file.write_text(f"LATCHKEY_TRACE_RATIO=0\n{line}\n")
    if line:
        arguments = [*arguments, "--config", file]
    status, said = start("keys", good["keys"], *arguments)
    assert status == SETTINGS_REFUSED
    said = messages(said)
    assert len(said) == 2 and said[0].startswith(sentence.replace("FILE", str(file))), said


def test_files_that_other_users_can_open_or_change_are_refused(good, tmp_path):
    secret = pathlib.Path(good["keys"]["LATCHKEY_RPC_KEY_FILE"])
    secret.chmod(0o644)
    status, said = start("keys", good["keys"])
    assert status == SETTINGS_REFUSED
    sentence = f"is a file that other users of this machine can open; run `chmod 0600 {secret}`"
    assert f"LATCHKEY_RPC_KEY_FILE {sentence}" in messages(said)
    secret.chmod(0o600)
    file = tmp_path / "keys.conf"
    file.write_text("")
    file.chmod(0o666)
    status, said = start("keys", good["keys"], "--config", file)
    assert status == SETTINGS_REFUSED
    assert f"{file} is a file that other users can change; run `chmod o-w {file}`" in messages(said)


def test_a_service_starts_with_nothing_but_a_file(deployment, tmp_path):
    """The settings of the one that runs, printed and read again; the ports by flags."""
    text = pathlib.Path(f"/proc/{deployment.pid('gateway')}/environ").read_text()
    running = dict(entry.split("=", 1) for entry in text.split("\0") if entry)
    del running["LATCHKEY_LIFELINE_FD"]
    text, _ = printed("gateway", running)
    file = tmp_path / "gateway.conf"
    file.write_text(text)
    port = processes.free_port()
    server = processes.Server(
        [
            processes.binary("latchkey-gateway"), "--config", file, f"--https-listen=127.0.0.1:{port}",
            "--rpc-listen", f"127.0.0.1:{processes.free_port()}",
            "--metrics-listen", f"127.0.0.1:{processes.free_port()}",
        ],
        tmp_path / "gateway.log",
        port,
        cwd=deployment.data_directory,
        env={},
        start_seconds=30,
    )  # fmt: skip
    try:
        lines = map(json.loads, server.log.read_text().splitlines())
        started = next(line for line in lines if line["message"] == "starting")
        assert started["LATCHKEY_HTTPS_LISTEN"] == f"127.0.0.1:{port}"
        assert started["LATCHKEY_CONFIG"] == str(file)
    finally:
        server.stop()
