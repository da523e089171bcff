"""compose.yaml on an engine of its own: what is started, what can be reached, who can read what, what survives."""

import base64
import os
import re
import signal
import subprocess

import pytest

from harness import processes
from harness.stack import PROJECT, RUNNING

IMAGE_BYTES_MAX = 75_000_000


def test_the_image_adds_little_to_its_base(engine, images):
    size, base = (engine.inspect(name, "image")["Size"] for name in (images.LATCHKEY, images.BASE))
    print(f"the image adds {(size - base) / 1e6:.1f} MB to {base / 1e6:.1f} MB")
    assert 0 < size - base < IMAGE_BYTES_MAX


def test_the_image_has_no_compiler_and_no_root(engine, images):
    configuration = engine.inspect(images.LATCHKEY, "image")["Config"]
    assert configuration["User"] == "10001:10001"
    assert configuration["StopSignal"] == "SIGTERM"
    assert configuration["Healthcheck"]["Test"] == ["CMD", "latchkey-gateway", "ready"]
    search = "command -v gcc cc clang swift swiftc as ld make curl || true"
    assert engine.docker("run", "--rm", images.LATCHKEY, "sh", "-c", search) == ""


def test_the_verifier_can_be_carried_away(engine, images, tmp_path):
    """It runs where nothing of Latchkey is, and no library."""
    carried = tmp_path / "latchkey-verify"
    text = engine.docker("run", "--rm", images.LATCHKEY, "base64", "/usr/local/bin/latchkey-verify")
    carried.write_bytes(base64.b64decode(text))
    carried.chmod(0o755)
    assert "not a dynamic executable" in subprocess.run(["ldd", carried], stderr=subprocess.PIPE, text=True).stderr
    done = subprocess.run([carried, "help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and done.stdout.startswith("latchkey-verify checks license files"), done.stderr


def test_a_license_is_made_and_validated_through_the_published_port(stack):
    assert stack.is_valid(stack.license())


def test_the_first_account_is_made_once_and_its_keys_are_forgotten_when_that_is_asked(stack):
    def told():
        return dict(line.split("=", 1) for line in stack.compose("run", "--rm", "-T", "operator").split())

    def has_key():
        script = "grep -rqF -- \"$0\" /var/lib/latchkey && echo yes || echo no"
        setup = ("run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "setup", "-c", script)
        return stack.compose(*setup, stack.account["LATCHKEY_LIVE_API_KEY"]).strip()

    assert told() == stack.account and has_key() == "yes"
    stack.compose("run", "--rm", "-T", "operator", "deploy", "account", "--forget")
    assert told() == {"LATCHKEY_URL": stack.url} and has_key() == "no"
    # What was told before holds.
    assert stack.is_valid(stack.license())


def test_only_the_gateways_port_is_published(stack):
    published = {}
    for service in RUNNING:
        bindings = stack.inspect(service)["HostConfig"]["PortBindings"] or {}
        published |= {(service, port): [one["HostPort"] for one in places] for port, places in bindings.items()}
    assert published == {("gateway", "8443/tcp"): [str(stack.port)]}


def test_only_services_with_data_share_a_network_with_postgres(stack):
    networks = {service: set(stack.inspect(service)["NetworkSettings"]["Networks"]) for service in RUNNING}
    inside = {service for service in RUNNING if f"{PROJECT}_database" in networks[service]}
    assert inside == {"postgres", "keys", "licenses", "signing", "webhooks"}
    assert networks["postgres"] == {f"{PROJECT}_database"}
    for name in ("database", "services"):
        assert stack.engine.inspect(f"{PROJECT}_{name}", "network")["Internal"]


@pytest.mark.parametrize("service", RUNNING)
def test_a_container_can_do_no_more_than_it_must(stack, service):
    configuration = stack.inspect(service)["HostConfig"]
    assert configuration["ReadonlyRootfs"] and not configuration["Privileged"]
    assert configuration["CapDrop"] == ["ALL"]
    assert configuration["Memory"] > 0 and configuration["PidsLimit"] > 0
    # One core; the database's are limited when that is asked for.
    assert configuration["NanoCpus"] == (0 if service == "postgres" else 1_000_000_000)
    status = dict(re.findall(r"^(\w+):\s*(\S+)", stack.run(service, "cat", "/proc/1/status"), re.M))
    assert (status["Uid"], status["CapEff"], status["NoNewPrivs"]) == ("10001", "0" * 16, "1")


def secrets(stack, service):
    """The files that a container has of ours: the hash, mode and owner of each, by its path."""
    script = (
        "find /run/latchkey /var/lib/latchkey -type f 2>/dev/null | while read -r file; do"
        ' echo "$(sha256sum <"$file" | cut -c1-64) $(stat -c "%a %u" "$file") $file"; done'
    )
    lines = stack.run(service, "sh", "-c", script).splitlines()
    return {path: (digest, mode, owner) for digest, mode, owner, path in (line.split(" ", 3) for line in lines)}


HELD = {
    "gateway": {"gateway.key", "gateway.pem", "https.key", "https.pem", "rpc-ca.pem"},
    "keys": {"keys.key", "keys.pem", "latchkey_keys.password", "master-keys", "rpc-ca.pem"},
    "licenses": {"licenses.key", "licenses.pem", "latchkey_licenses.password", "master-keys", "rpc-ca.pem"},
    "signing": {"signing.key", "signing.pem", "latchkey_signing.password", "master-keys", "rpc-ca.pem"},
    "webhooks": {"webhooks.key", "webhooks.pem", "latchkey_webhooks.password", "master-keys", "rpc-ca.pem"},
    "postgres": {"postgres.key", "postgres.pem", "latchkey_admin.password"},
}


@pytest.mark.parametrize("service", HELD)
def test_a_service_has_its_own_files_and_nobody_elses(stack, service):
    files = secrets(stack, service)
    assert {path.rsplit("/", 1)[1] for path in files} == HELD[service]
    assert {(mode, owner) for _, mode, owner in files.values()} == {("600", "10001")}


def test_what_opens_signing_keys_is_in_no_other_container(stack):
    held = {service: {digest for digest, _, _ in secrets(stack, service).values()} for service in RUNNING}
    (own,) = (digest for path, (digest, _, _) in secrets(stack, "signing").items() if path.endswith("/master-keys"))
    assert [service for service in RUNNING if own in held[service]] == ["signing"]
    volume = f"{PROJECT}_signing-secrets"
    users = stack.engine.docker("ps", "--filter", f"volume={volume}", "--format", "{{.Names}}").split()
    assert users == [stack.container("signing")]


@pytest.mark.parametrize("service", ("licenses", "postgres"))
def test_what_is_killed_comes_back(stack, service):
    key = stack.license()
    before = stack.inspect(service)
    # By the machine: what the engine's own command kills, it leaves stopped.
    os.kill(before["State"]["Pid"], signal.SIGKILL)
    processes.poll(lambda: stack.inspect(service)["RestartCount"] > before["RestartCount"], 30, "it is started again")
    processes.poll(lambda: stack.is_valid(key), 60, "licenses are validated again", 0.2)


def test_a_renewed_certificate_of_the_database_is_loaded_while_it_runs(stack):
    def fingerprint(source):
        pipe = f"{source} | openssl x509 -noout -fingerprint -sha256"
        return stack.run("postgres", "sh", "-c", pipe)

    def shown():
        return fingerprint("openssl s_client -starttls postgres -connect 127.0.0.1:5432 </dev/null 2>/dev/null")

    key = stack.license()
    before, started = shown(), stack.inspect("postgres")["State"]["StartedAt"]
    stack.run("certificates", "rm", "/var/lib/latchkey/certificates/postgres/postgres.pem")
    stack.compose("run", "--rm", "-T", "setup")
    made = fingerprint("cat /run/latchkey/certificates/postgres.pem")
    assert made != before
    processes.poll(lambda: shown() == made, 30, "the new certificate is shown", 0.5)
    assert stack.inspect("postgres")["State"]["StartedAt"] == started
    # New connections are made by it.
    os.kill(stack.inspect("licenses")["State"]["Pid"], signal.SIGKILL)
    processes.poll(lambda: stack.is_valid(key), 60, "licenses are validated again", 0.2)


def test_everything_is_kept_when_all_is_stopped_and_started(stack):
    key = stack.license()
    before = secrets(stack, "keys")
    stack.compose("down", "--timeout", "40")
    stack.up()
    processes.poll(lambda: stack.is_valid(key), 30, "the license is validated", 0.2)
    assert secrets(stack, "keys") == before


def secret_words(stack):
    """Passwords, master keys and private keys of the whole deployment, word by word, as `setup` alone can read them."""
    script = "cat secrets/*/*.password secrets/*/master-keys certificates/*/*.key"
    text = stack.compose(
        "run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "setup", "-c", f"cd /var/lib/latchkey && {script}"
    )
    lines = [line for line in text.splitlines() if not line.startswith("---")]
    words = {word for line in lines for word in re.findall(r"[A-Za-z0-9_+/=-]{24,}", line)}
    # Seven passwords, four files of master keys, nine private keys or more, some with several lines.
    assert len(words) > 7 + 4 + 9, sorted(len(word) for word in words)
    return words


def test_no_secret_is_in_any_log(stack):
    key = stack.license()
    assert stack.is_valid(key)
    logs = stack.compose("logs", "--no-color")
    assert '"service":"gateway"' in logs and '"route":' in logs
    # What ran once and is gone: the same again, kept until it was read.
    for service in ("setup", "migrate", "master-keys"):
        logs += stack.output(service)
    told = {key, *(stack.account[f"LATCHKEY_{name}"] for name in ("TEST_API_KEY", "LIVE_API_KEY", "SIGNING_KEY"))}
    assert [secret[:8] for secret in told | secret_words(stack) if secret in logs] == []


def test_what_the_operator_is_shown_is_kept_by_nobody(stack):
    with stack.one_off("operator", "deploy", "authority") as container:
        assert container["HostConfig"]["LogConfig"]["Type"] == "none"
