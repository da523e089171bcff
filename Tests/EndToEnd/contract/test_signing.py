"""The keys that sign license files, and the root: each endpoint and each status it can give."""

import subprocess
import uuid

import pytest

from harness import given, processes, rest, rpc, shapes
from harness.contract import ABSENT, Row, refused

RETIRE = "POST /signing-keys/{id}/retire"
ROOT = "POST /signing-root"
SUCCESSION = "POST /signing-root/succession"


def busy_key():
    """The key that signs, with a license file that is signed by it."""
    return given.both(given.license_file(), given.signing_key())


ROWS = [
    Row("GET /signing-keys", 200, shape=shapes.KEYSET),
    Row("GET /signing-keys/{id}", 200, given.signing_key(), shape=shapes.SIGNING_KEY, shows={"state": "active"}),
    Row("POST /signing-keys/rotate", 200, body={"force": True}, shape=shapes.KEYSET),
    *refused("POST /signing-keys/rotate", {}, [("overlapSeconds", -1), ("overlapSeconds", 7776001), ("force", 1)]),
    Row(RETIRE, 200, given.retired_signing_key(), body={"revoke": True, "force": True}, shape=shapes.KEYSET),
    Row(RETIRE, 409, given.signing_key("next"), code="CONFLICT", why="not in use yet"),
    Row(RETIRE, 409, given.retired_signing_key(), code="CONFLICT", why="retired already"),
    Row(RETIRE, 409, busy_key(), code="CONFLICT", why="files in use"),
    *refused(RETIRE, {}, [("force", "yes"), ("revoke", 1), ("reason", "x" * 1001)], given.signing_key()),
]  # fmt: skip

# In an account of their own, since there is one root: before it is made, and behind.
BEFORE = [
    Row("GET /signing-root/succession", 404, code="NOT_FOUND", why="no root"),
    Row(SUCCESSION, 404, body={"succession": "x"}, code="NOT_FOUND", why="no root"),
    *refused(ROOT, {}, [("publicKey", "x"), ("publicKey", "A" * 60), ("replace", "yes")]),
]  # fmt: skip
BEHIND = [
    Row(ROOT, 409, body={}, code="CONFLICT"),
    Row("GET /signing-root/succession", 200),
    Row(SUCCESSION, 400, body={"succession": "x"}, issues=[("succession",)], why="no succession"),
    Row(SUCCESSION, 400, body={}, issues=[("succession",)], why="nothing"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row(row, api):
    row.check(api)


@pytest.fixture(scope="module")
def owner(deployment):
    """A client of an account of its own."""
    with rpc.channel(deployment, "keys") as channel:
        keys = rpc.Service(channel, "latchkey.keys.v1.Keys")
        account = str(uuid.uuid4())
        keys.CreateAccount(keys.message("CreateAccountRequest", account_id=account, name="Owner"), timeout=10)
        issue = keys.message("IssueApiKeyRequest", account_id=account, environment=1, name="owner's key")
        key = keys.IssueApiKey(issue, timeout=10).key
    with rest.Api(deployment, key) as client:
        client.account = account
        yield client


def sign(proposed, root):
    """Signs a succession where the root is."""
    done = subprocess.run(
        [processes.binary("latchkey-verify"), "sign", "-", "--root-key", f"@{root}"],
        input=proposed, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_life_of_a_root(owner, tmp_path):
    """Made once, kept by its owner alone, and vouching for keys that are made later."""
    for row in BEFORE:
        row.check(owner)
    key = {"idempotency-key": str(uuid.uuid4())}
    made = rest.expect_data(owner.post("/signing-root", {}, headers=key), 201)
    assert len(made["privateKey"]) == 44
    # The same request again is answered without what is kept nowhere.
    again = rest.expect_data(owner.post("/signing-root", {}, headers=key), 201)
    assert again == {name: value for name, value in made.items() if name != "privateKey"}
    for row in BEHIND:
        row.check(owner)
    assert made["privateKey"] not in owner.get("/audit-events").text
    root = tmp_path / "root.key"
    root.write_text(made["privateKey"] + "\n")

    rest.expect_data(owner.post("/signing-keys/rotate", {}))
    refusal = rest.expect_error(owner.post("/signing-keys/rotate", {}), 422)
    assert refusal["code"] == "BUSINESS_RULE_VIOLATION"
    proposed = rest.expect_data(owner.get("/signing-root/succession"))
    assert proposed["rootKeyId"] == made["keyId"]
    signed = sign(proposed["unsigned"], root)
    keyset = rest.expect_data(owner.post("/signing-root/succession", {"succession": signed}))
    shapes.expect(shapes.KEYSET, keyset)
    assert all(one["inSuccession"] for one in keyset["keys"])
    assert keyset["root"]["successionNumber"] == proposed["number"]
    rest.expect_error(owner.post("/signing-root/succession", {"succession": signed}), 409)
    rest.expect_data(owner.post("/signing-keys/rotate", {}))


def test_retiring_a_key_in_use_says_how_many_files_it_has_signed(api):
    names = busy_key()(api)
    path = f"/signing-keys/{names['id']}"
    live = rest.expect_data(api.get(path))["liveFiles"]
    assert live >= 1
    refusal = rest.expect_error(api.post(f"{path}/retire", {}), 409)
    assert refusal["details"] == {"liveFiles": live}
    rest.expect_data(api.post(f"{path}/retire", {"force": True}))
    assert rest.expect_data(api.get(path))["state"] == "retired"


def test_keys_are_of_one_environment(api, live_api):
    test, live = (
        {one["publicKey"] for one in rest.expect_data(client.get("/signing-keys"))["keys"]}
        for client in (api, live_api)
    )
    assert not test & live
    rest.expect_error(live_api.get(f"/signing-keys/{given.signing_key()(api)['id']}"), 404)
    rest.expect_error(api.get(f"/signing-keys/{ABSENT}"), 404)
