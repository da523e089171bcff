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
from harness import given, processes, rest

# How many licenses are sealed anew under load; a million is a run by hand (see README.md).
LICENSES = int(os.environ.get("LATCHKEY_ROTATION_LICENSES", "20000"))

# Debug builds seal a few thousand rows a second.
ROTATION_SECONDS = 120 + LICENSES // 500


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
            given.webhook()(api)
        yield one
    finally:
        left = one.stop()
    assert not left, f"still running: {left}"


def make_kept_product(api):
    """The same request each time, so the same answer, which was kept sealed."""
    body = {"name": "Kept", "code": "kept", "keyPrefix": "KEPT"}
    return rest.expect_data(api.post("/products", body, headers={"idempotency-key": "kept"}), 201)


def start_refused(deployment, service, file):
    """Starts one more process of a service with a file; gives the last words of its log."""
    text = pathlib.Path(f"/proc/{deployment.pid(service)}/environ").read_text()
    settings = dict(entry.split("=", 1) for entry in text.split("\0") if entry)
    del settings["LATCHKEY_LIFELINE_FD"]
    settings["LATCHKEY_RPC_LISTEN"] = f"127.0.0.1:{processes.free_port()}"
    settings["LATCHKEY_MASTER_KEYS_FILE"] = str(file)
    done = subprocess.run(
        [processes.binary(f"latchkey-{service}")], env=settings, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    critical = [line for line in lines if line["level"] == "critical"]
    assert critical, done.stderr
    return json.dumps(critical[-1])


MASTER_KEYS = dict.fromkeys(("keys", "licenses", "webhooks"), "master-keys.json") | {"signing": "signing-master-keys.json"}


@pytest.mark.parametrize("service", MASTER_KEYS)
def test_a_service_without_the_right_keys_does_not_start_and_says_what_it_lacks(service, served, tmp_path):
    right = (served.data_directory / "secrets" / MASTER_KEYS[service]).read_text()
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
    assert "0600" in start_refused(served, service, open_file)


# Rotating while all goes on.


class Validations:
    """Clients that validate and never see anything but the right answer, but for those that ended with a process that
    was killed on purpose."""

    def __init__(self, deployment, keys):
        self.deployment, self.keys = deployment, keys
        self.answers, self.wrong, self.refused = 0, [], []
        # While a process is dead on purpose, its callers are told that it is unavailable.
        self.is_disturbed = False
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(3)]

    def _run(self, turn):
        with rest.Api(self.deployment, self.deployment["LATCHKEY_TEST_API_KEY"]) as api:
            while not self._ending.is_set():
                key = self.keys[turn % len(self.keys)]
                turn += 1
                disturbed = self.is_disturbed
                try:
                    response = api.client.post("/api/v1/licenses/validate-key", json={"key": key})
                except httpx.HTTPError as error:
                    self._judge(repr(error), disturbed or self.is_disturbed)
                    continue
                if response.status_code == 200 and response.json()["data"]["code"] == "VALID":
                    rest.expect_signature(response, self.deployment["LATCHKEY_SIGNING_KEY"])
                    with self._lock:
                        self.answers += 1
                else:
                    unavailable = response.status_code == 503 and (disturbed or self.is_disturbed)
                    self._judge(f"{response.status_code}: {response.text}", unavailable)

    def _judge(self, what, is_excused):
        with self._lock:
            (self.refused if is_excused else self.wrong).append(what)

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
    data keys it wraps: counted by the administrator of the database, without the services."""
    rows = deployment.sql(
        """
        select 'keys.data_keys', master_version, count(*) from keys.data_keys group by 2 union all
        select 'signing.data_keys', master_version, count(*) from signing.data_keys group by 2 union all
        select 'sealed_seed', d.first_master_version, count(*) from signing.keys k
          join signing.data_keys d on d.account_id = k.account_id
            and d.version = signing.sealed_version(k.sealed_seed) group by 2 union all
        select 'licenses.data_keys', master_version, count(*) from licenses.data_keys group by 2 union all
        select 'sealed_key', d.first_master_version, count(*) from licenses.licenses l
          join licenses.data_keys d on d.account_id = l.account_id
            and d.version = licenses.sealed_version(l.sealed_key) group by 2 union all
        select 'sealed_file_secret', d.first_master_version, count(*) from licenses.licenses l
          join licenses.data_keys d on d.account_id = l.account_id
            and d.version = licenses.sealed_version(l.sealed_file_secret) group by 2 union all
        select 'sealed_secret', d.first_master_version, count(*) from keys.response_signing_keys s
          join keys.data_keys d on d.account_id = s.account_id
            and d.version = keys.sealed_version(s.sealed_secret) group by 2 union all
        select 'webhooks.data_keys', master_version, count(*) from webhooks.data_keys group by 2 union all
        select 'sealed_secret of webhooks', d.first_master_version, count(*) from webhooks.endpoints e
          join webhooks.data_keys d on d.account_id = e.account_id
            and d.version = webhooks.sealed_version(e.sealed_secret) group by 2 union all
        select 'sealed_answer of licenses', d.first_master_version, count(*) from changes.idempotent_answers a
          join licenses.data_keys d on d.account_id = a.account_id
            and d.version = licenses.sealed_version(a.sealed_answer)
          where a.sealed_by = 'latchkey_licenses' group by 2
        """
    )
    return {(place, int(version)): int(count) for place, version, count in rows}


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


def test_rotation_under_load_survives_kills_and_leaves_nothing_under_the_old_key(served, record_property):
    file = served.data_directory / "secrets" / "master-keys.json"
    place = ("--data-dir", served.data_directory)
    with rest.Api(served, served["LATCHKEY_TEST_API_KEY"]) as api:
        catalogue = api.catalogue()
        kept = make_kept_product(api)
        keyset = rest.expect_data(api.get("/signing-keys"))
        licenses = fill(api, catalogue, LICENSES)
        sample = dict(list(licenses.items())[:: max(1, LICENSES // 50)])
        [before] = {n for p, n in counts(served).items() if p == ("sealed_key", 1)}
        assert before >= LICENSES

        begun = time.monotonic()
        with Validations(served, list(sample.values())[:20]) as load:
            done_in = lambda: counts(served).get(("sealed_key", 2), 0)  # noqa: E731
            # 1. The command is killed in the middle; so is the service at its own work.
            command = [processes.binary("latchkey"), "keys", "rotate", *map(str, place)]
            rotation = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            processes.poll(lambda: done_in() > before // 10, ROTATION_SECONDS, "a tenth is under the new key")
            rotation.send_signal(signal.SIGKILL)
            rotation.wait()
            assert versions(file) == ([1, 2], 2)
            # 2. Again; now the service is killed, and the command goes on when it is back.
            rotation = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            processes.poll(lambda: done_in() > before // 3, ROTATION_SECONDS, "a third is under the new key")
            load.is_disturbed = True
            victim = served.pid("licenses")
            processes.kill(victim)
            processes.poll(lambda: attempt(lambda: served.pid("licenses") != victim), 20, "licenses is back")
            processes.poll(lambda: attempt(lambda: api.get("/products").status_code == 200), 20, "it answers")
            load.is_disturbed = False
            output, _ = rotation.communicate(timeout=ROTATION_SECONDS)
            print(output)
            assert rotation.returncode == 0, output
            assert "Goes on with the rotation" in output
            assert "Everything is under version 2; unused: 1" in output
            assert versions(file) == ([1, 2], 2), "it must not have begun another one"
            answers = load.answers
        seconds = time.monotonic() - begun
        figures = f"{before} licenses in {seconds:.0f} s, {answers} validations meanwhile, {len(load.refused)} refused in the kill"
        print(figures)
        record_property("figures", figures)
        assert not load.wrong, load.wrong[:5]
        assert answers > 20

        # 3. The old version protects nothing, says the database itself, and what it says is what was printed.
        after = counts(served)
        assert {version for _, version in after} == {2}, after
        assert after["sealed_key", 2] == before
        assert after["sealed_answer of licenses", 2] >= 1
        assert after["sealed_seed", 2] >= 1
        assert after["sealed_secret of webhooks", 2] >= 1
        assert re.search(rf"licenses\.licenses\.sealed_key +version 1: 0 +version 2: {before}\n", output), output

        # 4. It is taken away, and everything starts again and opens what it opened.
        assert keys_command("retire", 2, *place).returncode == 1, "the active one stays"
        retired = keys_command("retire", 1, *place)
        assert retired.returncode == 0
        assert versions(file) == ([2], 2)
        # What signing keys are sealed by is a file of its own, and was rotated too.
        assert versions(file.with_name("signing-master-keys.json")) == ([2], 2)
        status = keys_command("status", *place)
        assert status.returncode == 0 and "licenses has version 2, of which 2 is active" in status.stdout
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


def attempt(call):
    """The call's answer, or False where it is not to be had now."""
    try:
        return call()
    except (httpx.HTTPError, AssertionError):
        return False
