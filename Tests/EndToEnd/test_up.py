"""`latchkey up` and `latchkey down`: what a developer meets first."""

import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

import pytest

from harness import deployment as deployments
from harness import processes, rest


@pytest.fixture
def one(logs, request):
    """A deployment that the test starts; nothing of it may be left."""
    made = deployments.Deployment(logs / f"{request.node.name}.log")
    try:
        yield made
    finally:
        left = made.stop()
    assert not left, f"still running: {left}"


def nothing_left(one):
    processes.poll(lambda: not one.left_running(), 15, "nothing is left running")


def refused(*arguments):
    """A start that must fail; gives what it said, which is one clear sentence."""
    done = subprocess.run(
        [processes.binary("latchkey"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=deployments.START_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0, done.stdout + done.stderr
    said = done.stderr.strip()
    assert said and "Fatal error" not in said and "Swift" not in said, said
    assert "\nready\n" not in "\n" + done.stdout
    return said


def test_it_starts_with_everything_a_client_needs(one, record_property):
    seconds = one.start()
    record_property("figures", f"ready after {seconds:.2f} s")
    print(f"ready after {seconds:.2f} s")
    file = one.data_directory / "dev.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    expected = {
        "LATCHKEY_URL",
        "LATCHKEY_CA_FILE",
        "LATCHKEY_TEST_API_KEY",
        "LATCHKEY_LIVE_API_KEY",
        "LATCHKEY_SIGNING_KEY",
        "LATCHKEY_KEYS_RPC_ADDRESS",
        "LATCHKEY_LICENSES_RPC_ADDRESS",
        "LATCHKEY_RPC_CA_FILE",
        "LATCHKEY_RPC_CERT_FILE",
        "LATCHKEY_RPC_KEY_FILE",
    }
    assert expected <= set(one.environment), expected - set(one.environment)
    assert rest.API_KEY.fullmatch(one["LATCHKEY_TEST_API_KEY"])
    assert one["LATCHKEY_LIVE_API_KEY"].startswith("lk_live_")
    assert len(one["LATCHKEY_SIGNING_KEY"]) == 64
    certificate = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", one["LATCHKEY_RPC_CERT_FILE"]],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "DNS:operator" in certificate and "gateway" not in certificate
    # A shell may read the file, and what it says works.
    done = subprocess.run(
        ["bash", "-c", '. "$0" && exec curl -sS --fail --cacert "$LATCHKEY_CA_FILE" '
         '-H "authorization: Bearer $LATCHKEY_TEST_API_KEY" "$LATCHKEY_URL/api/v1/products"',
         file],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode == 0 and '"data"' in done.stdout, done.stderr


def test_it_says_what_to_do_next(one):
    one.start()
    said = one.log.read_text()
    assert one.url in said and said.count("curl ") >= 3, said
    # What is allowed here alone is said to be so.
    assert "may be sent to http://localhost here; in production to public https addresses only" in said, said


def test_the_calls_on_the_screen_issue_and_validate_a_license(one):
    """Copied from the screen into a shell, just as they stand there."""
    one.start()
    said = one.log.read_text()
    lines = [line.strip() for line in said.replace("\\\n", " ").splitlines()]
    script = "\n".join(line for line in lines if line.startswith(". ") or "curl " in line)
    done = subprocess.run(
        ["bash", "-ec", script], capture_output=True, text=True, timeout=30, cwd="/"
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    assert '"VALID"' in done.stdout, f"{script}\n{done.stdout}\n{done.stderr}"


def test_no_secret_is_in_the_log_or_on_a_command_line(one):
    one.start()
    with rest.Api(one, one["LATCHKEY_TEST_API_KEY"]) as api:
        issued = api.license(api.catalogue())
        api.validate(issued["key"])
        api.get(f"/licenses/by-key/{issued['key']}")
        made = api.api_key()
    said = one.log.read_text()
    for line in processes.mentioning(one.data_directory).values():
        said += line
    shown = one["LATCHKEY_TEST_API_KEY"]  # printed on purpose, once
    for secret in (one["LATCHKEY_SIGNING_KEY"], one["LATCHKEY_LIVE_API_KEY"], issued["key"], made["key"]):
        assert secret not in said
    assert said.count(shown) <= 3


def test_private_files_are_private(one):
    """Keys, certificates' keys and passwords can be read by their owner alone."""
    one.start()
    for path in one.data_directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            text = path.read_bytes()[:4096]
            if b"PRIVATE KEY" in text or path.name == "dev.env" or "master" in path.name:
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_starting_again_keeps_the_data(one):
    one.start()
    before = dict(one.environment)
    with rest.Api(one, one["LATCHKEY_TEST_API_KEY"]) as api:
        issued = api.license(api.catalogue())
    assert one.interrupt() == 0
    nothing_left(one)
    one.start()
    for name in ("LATCHKEY_TEST_API_KEY", "LATCHKEY_LIVE_API_KEY", "LATCHKEY_SIGNING_KEY"):
        assert one[name] == before[name]
    with rest.Api(one, one["LATCHKEY_TEST_API_KEY"]) as api:
        assert api.validate(issued["key"])["code"] == "VALID"
        assert api.get(f"/licenses/by-key/{issued['key']}").status_code == 200


def test_down_leaves_nothing_running(one):
    one.start()
    done = one.down()
    assert done.returncode == 0, done.stderr
    nothing_left(one)
    assert not processes.accepts(one.port)
    assert one.down().returncode == 0, "once more does no harm"


def test_down_without_anything_is_no_crash(tmp_path):
    done = subprocess.run(
        [processes.binary("latchkey"), "down", "--data-dir", tmp_path / "none"],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode in (0, 1) and "Fatal error" not in done.stderr, done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_stops_everything_cleanly(end, one):
    one.start()
    begun = time.monotonic()
    one.server.process.send_signal(end)
    assert one.server.process.wait(deployments.STOP_SECONDS) == 0
    nothing_left(one)
    assert time.monotonic() - begun < 15


def test_ctrl_c_for_the_whole_group_is_clean_too(one):
    """A terminal sends it to every process of the group at once."""
    one.start()
    os.killpg(one.server.pid, signal.SIGINT)
    assert one.server.process.wait(deployments.STOP_SECONDS) == 0
    nothing_left(one)


def test_a_killed_parent_leaves_nothing_running(one):
    """Its children see the pipe close and end by themselves, Postgres too; then it starts again."""
    one.start()
    with rest.Api(one, one["LATCHKEY_TEST_API_KEY"]) as api:
        issued = api.license(api.catalogue())
    one.server.process.kill()
    one.server.process.wait()
    nothing_left(one)
    one.start()
    with rest.Api(one, one["LATCHKEY_TEST_API_KEY"]) as api:
        assert api.validate(issued["key"])["code"] == "VALID"


def test_a_second_start_on_the_same_data_is_refused(one):
    one.start()
    said = refused("up", "--data-dir", one.data_directory, "--port", processes.free_port())
    assert str(one.data_directory) in said or "running" in said, said
    with rest.Api(one, one["LATCHKEY_TEST_API_KEY"]) as api:
        assert api.get("/products").status_code == 200, "the first one is not harmed"


def test_a_taken_port_is_named(one):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", one.port))
        taken.listen()
        said = refused("up", "--data-dir", one.data_directory, "--port", one.port)
    assert str(one.port) in said, said
    nothing_left(one)
    one.start()


def test_a_broken_data_directory_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a directory")
    assert str(file) in refused("up", "--data-dir", file, "--port", processes.free_port())


def test_a_folder_of_somebody_else_is_not_touched():
    """A folder with other things in it is no data directory."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-test-"))
    try:
        folder.chmod(0o755)
        (folder / "thesis.txt").write_text("mine")
        refused("up", "--data-dir", folder, "--port", processes.free_port())
        assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--port", "0"],
        ["up", "--port", "70000"],
        ["up", "--port", "x"],
        ["up", "--rate-limits", "sometimes"],
        ["up", "--nothing"],
        ["sideways"],
    ],
)
def test_bad_arguments_are_refused(arguments, tmp_path):
    more = ["--data-dir", tmp_path / "data"] if arguments[0] == "up" else []
    refused(*arguments, *more)
    assert not (tmp_path / "data").exists()


def test_two_deployments_do_not_meet(one, logs):
    """Side by side, each with its own data and keys."""
    other = deployments.Deployment(logs / "other.log")
    try:
        one.start()
        other.start()
        with rest.Api(one, other["LATCHKEY_TEST_API_KEY"]) as api:
            rest.expect_error(api.get("/products"), 401)
    finally:
        assert not other.stop()
