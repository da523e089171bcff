"""Master keys: made, rotated while everything goes on, retired; and what a service does without the right ones."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import httpx
import pytest

from harness import deployment as deployments
from harness import given, processes, rest, topology, users

# How many licenses are sealed anew under load; a million is a run by hand (see README.md).
LICENSES = int(os.environ.get("LATCHKEY_ROTATION_LICENSES", "20000"))

# Debug builds seal a few thousand rows a second.
ROTATION_SECONDS = 120 + LICENSES // 500


# Requests that may be repeated leave sealed answers.
KEPT = {"idempotency-key": "kept"}


def keys_command(*arguments, **options):
    """Runs `latchkey keys ...`; gives the finished process."""
    done = subprocess.run(
        [processes.binary("latchkey"), "keys", *map(str, arguments)],
        capture_output=True, text=True, timeout=ROTATION_SECONDS, **options,
    )  # fmt: skip
    print(done.stdout, done.stderr)
    return done


def versions(path):
    """The versions in a file of master keys, and the active one."""
    text = pathlib.Path(path).read_text()
    return [int(v) for v in re.findall(r"^key (\d+) ", text, re.M)], int(re.search(r"^active (\d+)$", text, re.M)[1])


# Making a file.


def test_generate_makes_a_private_file_and_never_replaces_one(tmp_path):
    file = tmp_path / "master-keys"
    assert keys_command("generate", file).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert versions(file) == ([1], 1)
    before = file.read_text()
    again = keys_command("generate", file)
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert file.read_text() == before
    assert os.listdir(tmp_path) == ["master-keys"]
    assert keys_command("generate", tmp_path / "absent" / "keys").returncode == 1


# Starting without the right ones.


@pytest.fixture(scope="module")
def served(logs):
    """A deployment of its own, whose keys are changed, with a secret of every kind."""
    one = deployments.Deployment(logs / "master-keys.log")
    one.start()
    try:
        with rest.Api(one, one["LATCHKEY_TEST_API_KEY"]) as api:
            api.license(api.catalogue())
            make_kept_product(api)
            rest.expect_data(api.get("/signing-keys"))
            # Both secrets of a webhook, and an answer that shows one of them, kept for whoever asks again.
            hook = given.webhook()(api)
            rest.expect_data(api.post(f"/webhooks/{hook['id']}/rotate-secret", {}, headers=KEPT))
            with api.owner.invite("developer") as user:
                body = {"password": users.PASSWORD}
                rest.expect_data(user.post("/api/dashboard/me/second-factor", body, headers=KEPT), 201)
        yield one
    finally:
        left = one.stop()
    assert not left, f"still running: {left}"


def make_kept_product(api):
    """The same request each time, so the same answer, which was kept sealed."""
    body = {"name": "Kept", "code": "kept", "keyPrefix": "KEPT"}
    return rest.expect_data(api.post("/products", body, headers=KEPT), 201)


def start_refused(deployment, service, file, status=1):
    """Starts one more process of a service with a file; gives the last words of its log."""
    text = pathlib.Path(f"/proc/{deployment.pid(service)}/environ").read_text()
    settings = dict(entry.split("=", 1) for entry in text.split("\0") if entry)
    del settings["LATCHKEY_LIFELINE_FD"]
    for name in ("LATCHKEY_RPC_LISTEN", "LATCHKEY_METRICS_LISTEN"):
        settings[name] = f"127.0.0.1:{processes.free_port()}"
    settings["LATCHKEY_MASTER_KEYS_FILE"] = str(file)
    done = subprocess.run(
        [processes.binary(f"latchkey-{service}")], env=settings, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == status, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    critical = [line for line in lines if line["level"] == "critical"]
    assert critical, done.stderr
    return json.dumps(critical)


SEALING_SERVICES = ("keys", "licenses", "signing", "webhooks")


@pytest.mark.parametrize("service", SEALING_SERVICES)
def test_a_service_without_the_right_keys_does_not_start_and_says_what_it_lacks(service, served, tmp_path):
    right = served.master_keys_file(service).read_text()
    other = tmp_path / "other"
    assert keys_command("generate", other).returncode == 0
    # Other keys of the same numbers.
    said = start_refused(served, service, other)
    assert "its version 1 is not the key" in said, said
    assert str(other) in said
    # The right file without the version in use.
    without = tmp_path / "without"
    without.write_text(other.read_text().replace("active 1", "active 9").replace("key 1 ", "key 9 "))
    without.chmod(0o600)
    said = start_refused(served, service, without)
    assert "lacks version 1" in said, said
    # No secret is told.
    secret = re.search(r"^key 1 (\w+)$", right, re.M)[1]
    assert secret not in said
    # Nothing at all, and a file that others can read.
    open_file = tmp_path / "open"
    open_file.write_text(right)
    open_file.chmod(0o644)
    said = start_refused(served, service, open_file, status=78)
    assert f"run `chmod 0600 {open_file}`" in said, said


# Rotating while all goes on.


class Validations:
    """Clients that validate and never see anything but the right answer."""

    def __init__(self, deployment, keys):
        self.deployment, self.keys = deployment, keys
        self.answers, self.wrong = 0, []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(3)]

    def _run(self, turn):
        with rest.Api(self.deployment, self.deployment["LATCHKEY_TEST_API_KEY"]) as api:
            while not self._ending.is_set():
                key = self.keys[turn % len(self.keys)]
                turn += 1
                try:
                    response = api.client.post("/api/v1/licenses/validate-key", json={"key": key})
                except httpx.HTTPError as error:
                    self.wrong.append(repr(error))
                    continue
                if response.status_code == 200 and response.json()["data"]["code"] == "VALID":
                    rest.expect_signature(response, self.deployment["LATCHKEY_SIGNING_KEY"])
                    with self._lock:
                        self.answers += 1
                else:
                    self.wrong.append(f"{response.status_code}: {response.text}")

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()


def counts(deployment):
    """How many rows of each sealed column are sealed by data keys that each master key has wrapped first, and how many
    data keys it wraps: counted by the administrator of the database, without the services. What has no data key counts
    as version 0; kept answers are named by the service that gave them."""
    sealed = deployment.sql(
        "select table_schema, table_name, column_name from information_schema.columns"
        " where column_name like 'sealed\\_%' and data_type = 'bytea' order by 1, 2, 3;"
    )
    owners = sorted({schema for schema, _, _ in sealed} - {"changes"})
    queries = [
        f"select '{owner}.data_keys', master_version, count(*) from {owner}.data_keys group by 2" for owner in owners
    ]
    for schema, table, column in sealed:
        for owner in owners if schema == "changes" else [schema]:
            place, kept = f"{schema}.{table}.{column}", ""
            if schema == "changes":
                place, kept = f"{place} of {owner}", f" and t.sealed_by = 'latchkey_{owner}'"
            queries.append(
                f"select '{place}', coalesce(d.first_master_version, 0), count(*) from {schema}.{table} t"
                f" left join {owner}.data_keys d on d.account_id = t.account_id"
                f" and d.version = {owner}.sealed_version(t.{column}) where t.{column} is not null{kept} group by 2"
            )
    rows = deployment.sql(" union all ".join(queries) + ";")
    return {(place, int(version)): int(count) for place, version, count in rows}


# Everything that is sealed, in the fixture or by the test; signing seeds have a file of master keys of their own.
SEALED = {
    *(f"{service}.data_keys" for service in SEALING_SERVICES),
    "keys.response_signing_keys.sealed_secret", "keys.second_factors.sealed_totp_secret",
    "licenses.licenses.sealed_key", "licenses.licenses.sealed_file_secret", "signing.keys.sealed_seed",
    "webhooks.endpoints.sealed_secret", "webhooks.endpoints.sealed_previous_secret",
    *(f"changes.idempotent_answers.sealed_answer of {service}" for service in ("keys", "licenses", "webhooks")),
}  # fmt: skip


def fill(api, catalogue, count):
    """Makes licenses, many at a time; gives all of their ids with their keys."""
    made = {}
    item = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"]}
    while len(made) < count:
        size = min(1000, count - len(made))
        response = api.post("/licenses/bulk", {"licenses": [item] * size}, timeout=120)
        assert response.status_code == 201, response.text
        made |= {license["id"]: license["key"] for license in response.json()["data"]}
    return made


@pytest.fixture
def sealer(served, tmp_path):
    """A second process of the licenses service, which is told to seal anew while the first serves; and the settings by
    which the operator's commands find it."""
    one = topology.Replica(served, "licenses")
    text = (served.data_directory / "dev.env").read_text()
    text = re.sub(r"(?m)^LATCHKEY_LICENSES_RPC_ADDRESS=.*$", f"LATCHKEY_LICENSES_RPC_ADDRESS={one.address}", text)
    assert one.address in text
    text += f"LATCHKEY_MASTER_KEYS_FILE={served.master_keys_file()}\n"
    text += f"LATCHKEY_SIGNING_MASTER_KEYS_FILE={served.master_keys_file('signing')}\n"
    settings = tmp_path / "settings.env"
    settings.write_text(text)
    yield one, settings
    one.stop()


def test_rotation_under_load_survives_kills_and_leaves_nothing_under_the_old_key(served, sealer, record_property):
    file = served.master_keys_file()
    replica, settings = sealer
    place = ("--settings", settings)
    with rest.Api(served, served["LATCHKEY_TEST_API_KEY"]) as api:
        catalogue = api.catalogue()
        kept = make_kept_product(api)
        keyset = rest.expect_data(api.get("/signing-keys"))
        licenses = fill(api, catalogue, LICENSES)
        sample = dict(list(licenses.items())[:: max(1, LICENSES // 50)])
        column = "licenses.licenses.sealed_key"
        before = counts(served)
        assert {place for place, _ in before} == SEALED
        assert {version for _, version in before} == {1}
        assert before[column, 1] >= LICENSES

        begun = time.monotonic()
        with Validations(served, list(sample.values())[:20]) as load:
            done_in = lambda: counts(served).get((column, 2), 0)  # noqa: E731
            # 1. The command is killed in the middle; so is the service at its own work.
            command = [processes.binary("latchkey"), "keys", "rotate", *map(str, place)]
            rotation = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            processes.poll(lambda: done_in() > before[column, 1] // 10, ROTATION_SECONDS, "a tenth is under the new key")
            rotation.send_signal(signal.SIGKILL)
            rotation.wait()
            assert versions(file) == ([1, 2], 2)
            # 2. Again; now the service that seals is killed, and the command goes on when it is back.
            rotation = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            processes.poll(lambda: done_in() > before[column, 1] // 3, ROTATION_SECONDS, "a third is under the new key")
            replica.kill()
            assert rotation.poll() is None, "it was done before"
            replica.start()
            output, _ = rotation.communicate(timeout=ROTATION_SECONDS)
            print(output)
            assert rotation.returncode == 0, output
            assert "Goes on with the rotation" in output
            assert re.search(r"licenses: \d+ of \d+ rows\n", output), output
            assert re.search(r"licenses: \d+ rows sealed anew", output), output
            assert "Everything is under version 2; unused: 1" in output
            assert versions(file) == ([1, 2], 2), "it must not have begun another one"
            answers = load.answers
        seconds = time.monotonic() - begun
        figures = f"{before[column, 1]} licenses in {seconds:.0f} s, {answers} validations meanwhile, none failed"
        print(figures)
        record_property("figures", figures)
        assert not load.wrong, load.wrong[:5]
        assert answers > 20

        # 3. The old version protects nothing, says the database itself, and what it says is what was printed.
        after = counts(served)
        assert {place for place, _ in after} == SEALED
        assert {version for _, version in after} == {2}, after
        assert after[column, 2] == before[column, 1]
        printed = rf"licenses\.licenses\.sealed_key +version 1: 0 +version 2: {before[column, 1]}\n"
        assert re.search(printed, output), output

        # 4. It is taken away, and everything starts again and opens what it opened.
        assert keys_command("retire", 2, *place).returncode == 1, "the active one stays"
        retired = keys_command("retire", 1, *place)
        assert retired.returncode == 0
        assert versions(file) == ([2], 2)
        # What signing keys are sealed by is a file of its own, and was rotated too.
        assert versions(served.master_keys_file("signing")) == ([2], 2)
        status = keys_command("status", *place)
        assert status.returncode == 0 and "licenses has version 2, of which 2 is active" in status.stdout
    replica.stop()
    assert served.interrupt() == 0
    served.start()
    with rest.Api(served, served["LATCHKEY_TEST_API_KEY"]) as api:
        for id, key in sample.items():
            assert rest.expect_data(api.post(f"/licenses/{id}/reveal-key"))["key"] == key
        # The response-signing key opens too, and the answer that was kept is given again.
        response = api.client.post("/api/v1/licenses/validate-key", json={"key": next(iter(sample.values()))})
        rest.expect_signature(response, served["LATCHKEY_SIGNING_KEY"])
        assert make_kept_product(api) == kept
        assert rest.expect_data(api.get("/signing-keys")) == keyset
