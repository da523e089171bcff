"""License files from end to end: made through the API, checked without a network by those who have no other way."""

import base64
import hashlib
import json
import subprocess
import uuid

import httpx
import pytest
from licentric import Licentric

from harness import given, processes, rest, rpc

# As the contract's clients write requests: no pool of connections is large enough by accident.
KEYS = "/.well-known/latchkey/keys"
REVOCATIONS = "/.well-known/latchkey/revocations"


@pytest.fixture
def client(deployment, monkeypatch, tmp_path):
    """The SDK, with only its base URL and its CA changed."""
    monkeypatch.setenv("SSL_CERT_FILE", deployment.ca_file)
    monkeypatch.setenv("HOME", str(tmp_path))
    one = Licentric(
        api_key=deployment["LATCHKEY_TEST_API_KEY"], base_url=deployment.url, max_retries=0, cache_ttl=0
    )
    yield one
    one._client.close()


def active_key(api):
    """The public key that applications embed."""
    keys = rest.expect_data(api.get("/signing-keys"))["keys"]
    return next(key["publicKey"] for key in keys if key["state"] == "active")


def check(certificate, tmp_path, *arguments, key=None):
    """What `latchkey-verify` says of a file, without a network."""
    file = tmp_path / f"{uuid.uuid4().hex}.lic"
    file.write_text(certificate)
    done = subprocess.run(
        [processes.binary("latchkey-verify"), "verify", str(file), *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin", **({"LATCHKEY_LICENSE_KEY": key} if key else {})},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


# ---- The unmodified SDK


def test_the_sdk_checks_out_and_verifies_offline(client, api):
    names = given.license(machines=1)(api)
    file = client.checkout(names["id"], names["fingerprint"])
    assert file.fingerprint == names["fingerprint"] and file.ttl == 1209600
    assert file.license.id == names["id"] and file.license.status == "active"
    result = client.verify_offline(file.certificate.encode(), active_key(api))
    assert result.valid and result.signature_valid and not result.expired, result.error
    assert result.header["licenseId"] == names["id"]
    assert result.header["fingerprint"] == names["fingerprint"]


def test_one_flipped_byte_is_noticed(client, api, tmp_path):
    """Anywhere in what the file says and in its signature. What lies outside of both, the SDK never looks at: it strips
    white space in front, and its base 64 reader stops behind the padding (test_offline_vectors.py has every change that
    it lets pass). Our verifier refuses those too."""
    names = given.license()(api)
    certificate = client.checkout(names["id"], names["fingerprint"]).certificate.encode()
    key = active_key(api)
    begin, line, end = certificate.split(b"\n")
    outside = {len(begin), *range(len(begin) + 1 + len(line), len(certificate))}
    for position in range(len(certificate)):
        damaged = bytearray(certificate)
        damaged[position] ^= 1
        assert client.verify_offline(bytes(damaged), key).valid == (position in outside), position
    for position in (len(begin) + 1 + len(line) - 3, *range(len(begin) + len(line) + 2, len(certificate), 5)):
        damaged = bytearray(certificate)
        damaged[position] ^= 1
        assert check(damaged.decode(), tmp_path, "--public-key", key)["result"] != "VALID", position


def test_the_sdk_tells_expired_and_another_key(client, api, live_api):
    names = given.license(fields={"expiresAt": rest.moment(seconds=3)})(api)
    file = client.checkout(names["id"], names["fingerprint"])
    key = active_key(api)
    assert client.verify_offline(file.certificate.encode(), key).valid
    wrong = client.verify_offline(file.certificate.encode(), active_key(live_api))
    assert not wrong.valid and not wrong.signature_valid
    late = processes.poll(
        lambda: (r := client.verify_offline(file.certificate.encode(), key)).expired and r, 10, "expired"
    )
    assert not late.valid and late.signature_valid


# ---- Our verifier


def test_the_machine_alone_can_open_its_file(api, tmp_path):
    """With the license key and the fingerprint; a copied file and a stolen one are told apart."""
    names = given.license_file()(api)
    options = ["--public-key", active_key(api), "--fingerprint", names["fingerprint"]]
    good = check(names["certificate"], tmp_path, *options, key=names["key"])
    assert good["result"] == "VALID", good
    payload = good["payload"]
    assert payload["license"]["id"] == names["id"] and payload["policy"]["id"] == names["policyId"]
    assert payload["license"]["machines"][0]["fingerprint"] == names["fingerprint"]
    assert names["key"] not in json.dumps(payload)
    copied = check(names["certificate"], tmp_path, *options[:3], given.fingerprint(), key=names["key"])
    assert copied["result"] == "WRONG_FINGERPRINT"
    stolen = check(names["certificate"], tmp_path, *options, key="LIC-0000-0000-0000-0000")
    assert stolen["result"] == "WRONG_LICENSE_KEY"


@pytest.fixture(scope="module")
def rooted(deployment, tmp_path_factory):
    """An account with a root, of which nothing but the public half is embedded anywhere."""
    with rpc.channel(deployment, "keys") as channel:
        keys = rpc.Service(channel, "latchkey.keys.v1.Keys")
        account = str(uuid.uuid4())
        keys.CreateAccount(keys.message("CreateAccountRequest", account_id=account, name="Root"), timeout=10)
        issue = keys.message("IssueApiKeyRequest", account_id=account, environment=1, name="key")
        key = keys.IssueApiKey(issue, timeout=10).key
    with rest.Api(deployment, key) as one:
        one.account = account
        one.key_prefix = "ROOT"
        root = rest.expect_data(one.post("/signing-root", {}), 201)
        one.root = root["publicKey"]
        one.private_root = root["privateKey"]
        yield one


def published(api, path, tmp_path):
    """A document that everybody may read, as a file."""
    answer = api.client.get(f"{path}/{api.account}.json")
    assert answer.status_code == 200, answer.text
    file = tmp_path / f"{uuid.uuid4().hex}.json"
    file.write_bytes(answer.content)
    return file


def test_files_from_before_and_after_a_rotation_count_for_who_embeds_only_the_root(rooted, tmp_path):
    before = given.license_file()(rooted)
    rest.expect_data(rooted.post("/signing-keys/rotate", {"force": True}))
    after = given.license_file()(rooted)
    options = ["--root", rooted.root, "--keys", published(rooted, KEYS, tmp_path)]
    assert check(before["certificate"], tmp_path, *options)["result"] == "VALID"
    assert check(after["certificate"], tmp_path, *options)["result"] == "VALID"
    # With the one key alone each is the other's stranger.
    one = check(before["certificate"], tmp_path, "--public-key", active_key(rooted))
    assert one["result"] == "UNKNOWN_KEY"


@pytest.mark.parametrize("action", ["suspend", "revoke", "ban", "delete", "deactivate", "files"])
def test_what_is_revoked_is_on_the_list_that_is_carried_to_closed_machines(action, rooted, tmp_path):
    kept, names = given.license_file()(rooted), given.license_file()(rooted)
    path = f"/licenses/{names['id']}"
    if action == "delete":
        assert rooted.send("DELETE", path).status_code == 204
    elif action == "deactivate":
        assert rooted.send("DELETE", f"/machines/{names['machineId']}").status_code == 204
    else:
        rest.expect_data(rooted.post(path + ("/files/revoke" if action == "files" else f"/{action}"), {}))

    def result(certificate):
        options = ["--root", rooted.root, "--keys", published(rooted, KEYS, tmp_path)]
        return check(certificate, tmp_path, *options)["result"]

    processes.poll(lambda: result(names["certificate"]) == "REVOKED", 10, "the file is revoked")
    assert result(kept["certificate"]) == "VALID"
    if action == "suspend":
        rest.expect_data(rooted.post(f"{path}/reinstate", {}))
        processes.poll(lambda: result(names["certificate"]) == "VALID", 10, "the file counts again")


def test_the_list_of_revoked_files_stands_alone_too(rooted, tmp_path):
    names = given.license_file()(rooted)
    rest.expect_data(rooted.post(f"/licenses/{names['id']}/files/revoke", {}))
    (one,) = json.loads(published(rooted, REVOCATIONS, tmp_path).read_text())["lists"]
    assert one["environment"] == "test"
    carried = tmp_path / "revocations"
    carried.write_text(one["revocations"])
    options = ["--public-key", active_key(rooted), "--revocations", carried]
    assert check(names["certificate"], tmp_path, *options)["result"] == "REVOKED"


# ---- What is published


def test_published_documents_can_be_kept(rooted):
    """By anybody: they need no credential, and say for how long they are good."""
    for path, seconds in ((KEYS, 300), (REVOCATIONS, 60)):
        url = f"{path}/{rooted.account}.json"
        first = rooted.client.get(url)
        assert first.status_code == 200
        assert first.headers["content-type"] == "application/json"
        assert first.headers["cache-control"] == f"public, max-age={seconds}"
        tag = first.headers["etag"]
        assert tag == f'"{hashlib.sha256(first.content).hexdigest()[:32]}"'
        again = rooted.client.get(url)
        assert (again.content, again.headers["etag"]) == (first.content, tag)
        for names in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            known = rooted.client.get(url, headers={"if-none-match": names})
            assert known.status_code == 304 and known.content == b"", names
            assert known.headers["etag"] == tag and "content-length" not in known.headers
            assert known.headers["cache-control"] == f"public, max-age={seconds}"
        for names in ('"x"', tag[1:-1], ""):
            assert rooted.client.get(url, headers={"if-none-match": names}).status_code == 200, names
        head = rooted.client.head(url)
        assert head.status_code == 200 and head.headers["etag"] == tag and head.content == b""


def test_nothing_is_published_of_nobody(rooted):
    for path in (KEYS, REVOCATIONS):
        absent = rooted.client.get(f"{path}/{uuid.uuid4()}.json")
        assert rest.expect_error(absent, 404)["code"] == "NOT_FOUND"
        assert absent.headers["cache-control"] == "no-store" and "etag" not in absent.headers
        rest.expect_error(rooted.client.get(f"{path}/nobody.json"), 400)
        for other in (f"{path}/{rooted.account}", f"{path}/{rooted.account}.xml", f"{path}/.json"):
            rest.expect_error(rooted.client.get(other), 404)
        assert rooted.client.post(f"{path}/{rooted.account}.json").status_code == 405


def test_python_alone_verifies_what_is_published(rooted, tmp_path):
    """By FORMAT.md and `cryptography`, with nothing of ours."""
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    (entry,) = json.loads(published(rooted, KEYS, tmp_path).read_text())["keysets"]
    body, signature = entry["succession"].split("\n")[1].split(".")
    root = load_der_public_key(base64.b64decode(rooted.root))
    root.verify(base64.b64decode(signature), b"latchkey-succession-1:" + body.encode())
    said = json.loads(base64.b64decode(body))
    assert said["accountId"] == rooted.account and said["environment"] == "test"


# ---- When the signing service is away


def test_without_the_signing_service_check_outs_say_so_and_nothing_is_half_done(fragile):
    with rest.Api(fragile, fragile["LATCHKEY_TEST_API_KEY"]) as api:
        names = given.file_request()(api)
        given.license_file()(api)
        pid = fragile.pid("signing")
        # Stopped and not killed, so that it is not started again at once.
        processes.stop(pid)
        try:
            for path, body in (
                (f"/licenses/{names['id']}/checkout", {"fingerprint": names["fingerprint"]}),
                ("/license-files/request", {"request": names["request"]}),
            ):
                refusal = rest.expect_error(api.post(path, body), 503)
                assert refusal["code"] == "SERVICE_UNAVAILABLE"
            # All else goes on, and the machine of the request has no seat.
            assert api.validate(names["key"])["valid"]
            assert api.get("/machines", params={"licenseId": names["id"]}).json()["data"] == []
        finally:
            processes.go_on(pid)
        made = processes.poll(
            lambda: (r := api.post("/license-files/request", {"request": names["request"]})).is_success and r,
            20,
            "files are made again",
        )
        assert rest.expect_data(made)["machineId"]


@pytest.fixture(scope="module")
def fragile(logs):
    """A deployment of its own, whose signing service is stopped and killed."""
    from harness import deployment as deployments

    one = deployments.Deployment(logs / "fragile-signing.log")
    one.start()
    yield one
    left = one.stop()
    assert not left, f"still running: {left}"


def test_kill_during_a_thousand_check_outs(fragile, tmp_path, record_property):
    """Each is answered with a file that counts and is on record, or fails clearly; never a file without its row."""
    import asyncio

    count, killed_after = 1_000, 150
    with rest.Api(fragile, fragile["LATCHKEY_TEST_API_KEY"]) as api:
        names = given.license()(api)
        given.license_file()(api)
        key = active_key(api)

    async def race():
        answered, refused = [], []
        async with httpx.AsyncClient(verify=fragile.trust(), http2=True, timeout=30) as client:

            async def one(number):
                try:
                    answer = await client.post(
                        f"{fragile.url}/api/v1/licenses/{names['id']}/checkout",
                        json={"fingerprint": f"machine-{number:06}"},
                        headers={"authorization": f"Bearer {fragile['LATCHKEY_TEST_API_KEY']}"},
                    )
                except httpx.TransportError:
                    return refused.append("transport")
                if answer.status_code == 200:
                    return answered.append((number, answer.json()["data"]))
                body = answer.json()
                refused.append((answer.status_code, body["code"]))

            tasks = [asyncio.create_task(one(number)) for number in range(count)]
            kills = 0
            while not all(task.done() for task in tasks):
                await asyncio.wait(tasks, timeout=0.005, return_when=asyncio.FIRST_COMPLETED)
                if kills == 0 and len(answered) >= killed_after:
                    processes.kill(fragile.pid("signing"))
                    kills += 1
            assert kills == 1, "it was killed while it was at work"
            await asyncio.gather(*tasks)
        return answered, refused

    answered, refused = asyncio.run(race())
    assert len(answered) + len(refused) == count and len(answered) >= killed_after
    assert set(refused) <= {(503, "SERVICE_UNAVAILABLE")}, set(refused)
    # Every answered file counts, is its own, and has its row and its line.
    rows = {
        int(serial): (file, fingerprint)
        for serial, file, fingerprint in fragile.sql(
            "select serial, id, encode(fingerprint_sha256, 'hex') from signing.license_files"
            " where license_id = :'license'",
            license=names["id"],
        )
    }
    lines = {
        row[0]
        for row in fragile.sql("select resource_id from changes.audit_entries where action = 'licenseFile.issue'")
    }
    assert len({data["serial"] for _, data in answered}) == len(answered)
    for number, data in answered:
        file, fingerprint = rows[data["serial"]]
        assert fingerprint == hashlib.sha256(f"machine-{number:06}".encode()).hexdigest()
        assert file in lines
        assert Licentric.verify_offline(data["certificate"].encode(), key).valid
    # What was recorded and never arrived is known too.
    assert {file for file, _ in rows.values()} <= lines
    serials = sorted(rows)
    record_property("figures", f"{len(answered)} answered, {len(refused)} refused, {len(rows)} recorded")
    assert len(serials) >= len(answered)
