"""What a dump of the database gives away: nothing, also to who has the database's passwords, without the key file.

A new kind of secret gets a function in `MAKERS`, which makes one of the kind as users do and says what it was.
"""

import json
import uuid

import pytest

from harness import accounts, dumps, processes, rest, rpc, sealing, topology, users
from harness import deployment as deployments
from harness.dumps import Secret

SETTINGS_REFUSED = 78


def idempotent():
    return {"headers": {"idempotency-key": str(uuid.uuid4())}}


def api_keys(account, api):
    """Issued by the operator, made, rotated, revoked, and made by a request that may be repeated."""
    made = api.api_key()
    rotated = rest.expect_data(api.post(f"/api-keys/{made['id']}/rotate", {}), 201)
    revoked = api.api_key()
    assert api.send("DELETE", f"/api-keys/{revoked['id']}").status_code == 204
    again = rest.expect_data(api.post("/api-keys", {"name": "again"}, **idempotent()), 201)
    texts = [api.key, account.api_key("test"), *(one["key"] for one in (made, rotated, revoked, again))]
    return [Secret("API key", text) for text in texts]


def license_keys(account, api):
    """Issued, also by a request that may be repeated, in bulk, imported, deleted, and of a product that keeps none."""
    catalogue = api.catalogue()
    body = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"]}
    keys = [api.license(catalogue)["key"]]
    keys.append(rest.expect_data(api.post("/licenses", body, **idempotent()), 201)["key"])
    bulk = rest.expect_data(api.post("/licenses/bulk", {"licenses": [body] * 2}), 201)
    keys += [one["key"] for one in bulk]
    imported = f"Imported/{uuid.uuid4().hex}+key"
    csv = f"key,productId,policyId\n{imported},{body['productId']},{body['policyId']}\n"
    report = api.send("POST", "/licenses/import", content=csv, headers={"content-type": "text/csv"})
    assert rest.expect_data(report)["imported"] == 1, report.text
    deleted = api.license(catalogue)
    assert api.send("DELETE", f"/licenses/{deleted['id']}").status_code == 204
    unstored = api.catalogue()
    forgotten = api.license(unstored)
    rest.expect_data(api.send("PATCH", f"/products/{unstored.product['id']}", json={"storeKeys": False}))
    # What was used leaves traces: validations, machines, reveals, reports, and the audit log.
    for key in (keys[0], imported):
        rest.expect_data(api.post("/licenses/validate-key", {"key": key}))
        report = {"secret": key, "source": f"https://paste.example/?key={key}"}
        rest.expect_data(api.post("/leaks/license-keys", report))
    keys += [imported, deleted["key"], forgotten["key"]]
    return [Secret("license key", key) for key in keys]


def response_signing_keys(account, api):
    """Retired, active and next."""
    made = rest.expect_data(api.post("/response-signing-keys"), 201)
    rest.expect_data(api.post(f"/response-signing-keys/{made['id']}/promote"))
    coming = rest.expect_data(api.post("/response-signing-keys", **idempotent()), 201)
    texts = [account.signing_key, made["signingKey"], coming["signingKey"]]
    return [Secret("response-signing key", text) for text in texts]


def logins(account, api):
    """A user of the dashboard with all that one has: links, passwords, a second factor, sessions, a challenge."""
    passwords = ["kestrel-Marble-41", "heron-Granite-58"]
    links = [account.invitation(users.new_email())]
    tokens = []
    with users.User(account.deployment) as user:

        def ask(method, path, body=None, status=200):
            # Each may be repeated: what is kept for that must tell nothing about a request that is nothing but a password.
            answer = user.send(method, f"/api/dashboard{path}", json=body, **idempotent())
            assert answer.status_code == status, answer.text
            tokens.append(user.token)
            return answer.json()["data"] if answer.content else None

        user.accept(links[0], passwords[0])
        factor = ask("POST", "/me/second-factor", {"password": passwords[0]}, 201)
        code = users.code(factor["secret"])
        recovery = ask("POST", "/me/second-factor/confirm", {"code": code})["recoveryCodes"]
        invited = {"email": users.new_email(), "role": "support"}
        links.append(ask("POST", "/invitations", invited, 201)["link"])
        with user.invite("support") as forgetful:
            links.append(ask("POST", f"/users/{forgetful.id}/password-reset", status=201)["link"])
        begun, waiting = (
            ask("POST", "/login", {"email": user.email, "password": passwords[0]})["challenge"] for _ in range(2)
        )
        ask("POST", "/login/second-factor", {"challenge": begun, "code": recovery[0]})
        ask("POST", "/me/password", {"currentPassword": passwords[0], "newPassword": passwords[1]}, 204)
    kinds = {
        "token of a link": [link.split("#")[1] for link in links],
        "token of a session": sorted(set(tokens)),
        "token of a login": [begun, waiting],
        "secret of a second factor": [factor["secret"]],
    }
    guessable = {"password": passwords, "code of a second factor": [code], "recovery code": recovery}
    return [Secret(kind, text) for kind, texts in kinds.items() for text in texts] + [
        Secret(kind, text, True) for kind, texts in guessable.items() for text in texts
    ]


def webhook_secrets(account, api):
    """Of a webhook that events were sent to: the one in use, and the one before."""
    body = {"url": f"https://localhost:{processes.free_port()}/hook"}
    made = rest.expect_data(api.post("/webhooks", body, **idempotent()), 201)
    again = rest.expect_data(api.post(f"/webhooks/{made['id']}/rotate-secret", {}))
    api.product()
    return [Secret("webhook secret", one["secret"]) for one in (made, again)]


def signing_root(account, api):
    """The private half, which nobody keeps; the seeds of other keys never leave the service (see below)."""
    made = rest.expect_data(api.post("/signing-root", {}), 201)
    return [Secret("private key", made["privateKey"])]


def master_keys(account, api):
    """What all of that is sealed by, in the end."""
    files = [account.deployment.master_keys_file(service) for service in ("keys", "signing")]
    return [Secret("master key", key.hex()) for file in files for key in sealing.master_keys(file).values()]


MAKERS = [
    api_keys, license_keys, response_signing_keys, logins, webhook_secrets, signing_root, master_keys,
]  # fmt: skip


@pytest.fixture(scope="module")
def deployment(logs):
    """One of its own, whose whole database is looked at."""
    one = deployments.Deployment(logs / "latchkey-up-dumped.log")
    one.start()
    yield one
    assert not one.stop()


@pytest.fixture(scope="module")
def account(deployment):
    return accounts.create(deployment, "Dumped")


@pytest.fixture(scope="module")
def secrets(account):
    """One of every kind, each really made."""
    with account.api("live") as api:
        made = {make.__name__: make(account, api) for make in MAKERS}
    assert all(made.values()), made.keys()
    return dumps.every(made.values())


@pytest.fixture(scope="module")
def dump(deployment, secrets):
    """The whole database, when all of it is there."""
    return dumps.take(deployment)


def test_no_secret_is_in_a_dump(dump, secrets, account):
    # It is a dump of all that: every row of the account names it, sealed values among them.
    assert dump.count(account.id.encode()) > 50
    for table in ("keys.api_keys", "licenses.licenses", "changes.idempotent_answers", "events.outbox"):
        assert f"COPY {table} ".encode() in dump
    assert dumps.found(dump, secrets) == []


def test_the_search_finds_every_form(deployment):
    """Planted in a database of its own, in clear and in every disguise: so that finding nothing means something."""
    strong, weak = Secret("planted key", uuid.uuid4().hex), Secret("planted password", "hunter2-Battery", True)
    code = Secret("planted code", "481516", True)
    clear = [
        "convert_to(s, 'UTF8')", "convert_to('salt' || s || 'x', 'UTF8')", "encode(convert_to(s, 'UTF8'), 'base64')",
        "encode(convert_to('1' || s || 'x', 'UTF8'), 'base64')", "encode(convert_to('12' || s || 'x', 'UTF8'), 'base64')",
        "encode(convert_to(upper(s), 'UTF8'), 'hex')", "upper(s)", "'{\"x\": \"' || s || '\"}'",
    ]  # fmt: skip
    hashed = ["md5(s)", *(f"{name}(convert_to(s, 'UTF8'))" for name in ("sha256", "sha512"))]
    hashed += ["sha256('\\x0a'::bytea || set_byte('\\x00', 0, length(s)) || convert_to(s, 'UTF8'))"]
    hashed += ["encode(sha256(convert_to(s, 'UTF8')), 'base64')", "upper(encode(sha512(convert_to(lower(s), 'UTF8')), 'hex'))"]
    plants = [(strong, form) for form in clear] + [(weak, form) for form in clear + hashed]
    plants += [(code, form) for form in ["s", *hashed]] + [(strong, "decode(s, 'hex')")]
    deployment.sql("create database planted;")
    try:
        for secret, form in plants:
            assert dumps.found(dumps.take(deployment, "planted"), [strong, weak, code]) == []
            source = f"(select '{secret.text}'::text as s) x"
            deployment.sql(f"\\c planted\ncreate table t as select 1 as a, {form} as b, 2 as c from {source};")
            dump = dumps.take(deployment, "planted")
            assert {kind for kind, _ in dumps.found(dump, [strong, weak, code])} == {secret.kind}, form
            deployment.sql("\\c planted\ndrop table t;")
    finally:
        deployment.sql("drop database planted with (force);")


# Whoever has the dump and the database's passwords.


@pytest.fixture(scope="module")
def copy(deployment, dump):
    """A database made of the dump."""
    name = "stolen"
    dumps.restore(deployment, dump, name)
    yield name
    deployment.sql(f"drop database {name} with (force);")


@pytest.fixture
def other_keys(deployment, tmp_path):
    """A file of master keys of the same versions, but not the same keys."""
    path = tmp_path / "other-keys"
    text = deployment.master_keys_file().read_text()
    for key in sealing.master_keys(deployment.master_keys_file()).values():
        text = text.replace(key.hex(), uuid.uuid4().hex + uuid.uuid4().hex)
    path.write_text(text)
    path.chmod(0o600)
    return path


def on_copy(deployment, service, copy, **settings):
    """A process of a service on the copy."""
    url = setting(deployment, service, "LATCHKEY_DATABASE_URL").replace("dbname=latchkey", f"dbname={copy}")
    return topology.Replica(deployment, service, LATCHKEY_DATABASE_URL=url, **settings)


def setting(deployment, service, name):
    environment = open(f"/proc/{deployment.pid(service)}/environ").read().split("\0")
    return dict(entry.split("=", 1) for entry in environment if entry)[name]


def signing_key(deployment, replica, account):
    """What the keys service says the account's answers are signed with."""
    with rpc.channel(deployment, "keys", port=replica.port) as channel:
        keys = rpc.Service(channel, "latchkey.keys.v1.Keys")
        request = keys.message("GetResponseSigningKeyRequest", account_id=account.id)
        return keys.GetResponseSigningKey(request, timeout=10).signing_key


def test_with_the_key_file_the_copy_is_as_good_as_the_original(deployment, copy, account, secrets):
    """So that what fails below fails for want of the key file and nothing else."""
    replica = on_copy(deployment, "keys", copy)
    try:
        assert signing_key(deployment, replica, account) in {one.text for one in secrets}
    finally:
        replica.stop()


@pytest.mark.parametrize("service", ["keys", "licenses", "webhooks"])
def test_with_another_key_file_a_service_does_not_start(deployment, copy, service, other_keys):
    with pytest.raises(AssertionError) as refused:
        on_copy(deployment, service, copy, LATCHKEY_MASTER_KEYS_FILE=str(other_keys))
    assert "ended with 1" in str(refused.value)
    assert "its version 1 is not the key" in str(refused.value)


@pytest.mark.parametrize("service", ["keys", "licenses", "webhooks"])
def test_without_a_key_file_a_service_does_not_start(deployment, copy, service, tmp_path):
    absent = str(tmp_path / "absent")
    with pytest.raises(AssertionError) as refused:
        on_copy(deployment, service, copy, LATCHKEY_MASTER_KEYS_FILE=absent)
    assert f"ended with {SETTINGS_REFUSED}" in str(refused.value)
    assert "LATCHKEY_MASTER_KEYS_FILE" in json.dumps(str(refused.value))


# Which column a sealed value is bound to, where it is not `id`.
ROW_IDS = {"keys.second_factors": "user_id"}


def sealed_values(deployment, copy):
    """Every sealed value of the copy: schema, table, column, account, row, bytes."""
    columns = deployment.sql(
        f"\\c {copy}\nselect table_schema, table_name, column_name from information_schema.columns"
        " where column_name like 'sealed\\_%' and data_type = 'bytea' order by 1, 2, 3;"
    )
    for schema, table, column in columns:
        row_id = ROW_IDS.get(f"{schema}.{table}", "id")
        rows = deployment.sql(
            f"\\c {copy}\nselect account_id, {row_id}, encode({column}, 'hex') from {schema}.{table}"
            f" where {column} is not null;"
        )
        for account, row, value in rows:
            yield schema, table, column, account, row, bytes.fromhex(value)


def opened_data_keys(deployment, copy, wrong):
    """The data keys of the copy, by schema, account and version: opened by the right master key, and by no other."""
    schemas = deployment.sql(
        f"\\c {copy}\nselect table_schema from information_schema.tables where table_name = 'data_keys' order by 1;"
    )
    data_keys = {}
    for (schema,) in schemas:
        right = sealing.master_keys(deployment.master_keys_file(schema))
        rows = deployment.sql(
            f"\\c {copy}\nselect account_id, version, encode(wrapped_key, 'hex') from {schema}.data_keys;"
        )
        for account, number, value in rows:
            wrapped, bound = bytes.fromhex(value), sealing.data_key_place(account, int(number))
            master = sealing.version(wrapped)
            assert sealing.open_sealed(wrapped, wrong[master], bound) is None
            key = sealing.open_sealed(wrapped, right[master], bound)
            assert key is not None and len(key) == 32, schema
            data_keys[schema, account, int(number)] = key
    assert {schema for schema, _, _ in data_keys} == set(SEALING_SCHEMAS)
    return data_keys


SEALING_SCHEMAS = ("keys", "licenses", "signing", "webhooks")


def test_sealed_values_open_by_their_own_key_at_their_own_place_alone(deployment, copy, dump, other_keys):
    """Without Latchkey, by the formats that its sources tell. What they hold is in the dump in no other form."""
    wrong = sealing.master_keys(other_keys)
    data_keys = opened_data_keys(deployment, copy, wrong)
    seen, held = set(), []
    for schema, table, column, account, row, value in sealed_values(deployment, copy):
        place = f"{schema}.{table}", column
        bound = sealing.place(account, *place, row)
        # Kept answers are sealed by whichever service gave them.
        owners = SEALING_SCHEMAS if schema == "changes" else (schema,)
        candidates = [
            key for owner in owners if (key := data_keys.get((owner, account, sealing.version(value))))
        ]
        opened = [text for key in candidates if (text := sealing.open_sealed(value, key, bound)) is not None]
        assert len(opened) == 1, place
        for master in wrong.values():
            assert sealing.open_sealed(value, master, bound) is None
        for other in (
            sealing.place(account, *place, str(uuid.uuid4())),
            sealing.place(account, place[0], column + "x", row),
            sealing.place(account, place[0] + "x", column, row),
            sealing.place(str(uuid.uuid4()), *place, row),
        ):
            assert all(sealing.open_sealed(value, key, other) is None for key in candidates)
        seen.add(".".join(place))
        held.append(Secret(".".join(place), opened[0].hex()))
    assert dumps.found(dump, held) == []
    assert {"keys.response_signing_keys.sealed_secret", "keys.second_factors.sealed_totp_secret",
            "licenses.licenses.sealed_key", "licenses.licenses.sealed_file_secret", "signing.keys.sealed_seed",
            "webhooks.endpoints.sealed_secret", "webhooks.endpoints.sealed_previous_secret",
            "changes.idempotent_answers.sealed_answer"} <= seen, seen  # fmt: skip
