"""Response-signing keys: each endpoint and each status it can give, and what a rotation looks like from outside.

All on a deployment of its own, since the whole account's answers are signed with them.
"""

import threading
import time
import uuid

import pytest
from licentric import Licentric
from licentric.exceptions import SignatureVerificationError

from harness import accounts, processes, rest, shapes, topology
from harness import deployment as deployments
from harness.contract import Row

# A gateway follows within a second.
EFFECT_SECONDS = 1
PATH = "/response-signing-keys"


@pytest.fixture(scope="module")
def deployment(logs):
    one = deployments.Deployment(logs / "latchkey-up-rotating.log")
    one.start()
    yield one
    assert not one.stop()


@pytest.fixture(scope="module")
def api(deployment):
    """A live key of the account."""
    with rest.Api(deployment, deployment["LATCHKEY_LIVE_API_KEY"]) as client:
        yield client


@pytest.fixture(scope="module")
def tester(deployment):
    """A test key of the account."""
    with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as client:
        yield client


def by_state(api):
    """The account's keys, by their state."""
    return {key["state"]: key for key in rest.expect_data(api.get(PATH))}


def settled(api):
    """No rotation is under way; `{id}` is that of the active key."""
    if waiting := by_state(api).get("next"):
        assert api.send("DELETE", f"{PATH}/{waiting['id']}").status_code == 204
    return {"id": by_state(api)["active"]["id"]}


def begun(api):
    """A rotation is under way; `{id}` is that of the next key."""
    names = settled(api)
    made = rest.expect_data(api.post(PATH), 201)
    return {"id": made["id"], "activeId": names["id"], "signingKey": made["signingKey"]}


def ended(api):
    """A rotation has ended; `{id}` is that of the active key."""
    names = begun(api)
    rest.expect_data(api.post(f"{PATH}/{names['id']}/promote"))
    return names | {"retiredId": names["activeId"]}


KEYS = {"data": shapes.list_of(shapes.RESPONSE_SIGNING_KEY)}

ROWS = [
    Row("POST /response-signing-keys", 201, settled, shape=shapes.NEW_RESPONSE_SIGNING_KEY,
        shows={"state": "next", "activatedAt": None, "retiredAt": None}),
    Row("POST /response-signing-keys", 409, begun, code="CONFLICT", why="there is a next one"),
    Row("GET /response-signing-keys", 200, begun),
    Row("POST /response-signing-keys/{id}/promote", 200, begun, shape=shapes.RESPONSE_SIGNING_KEY,
        shows={"id": "{id}", "state": "active", "retiredAt": None}),
    Row("POST /response-signing-keys/{id}/promote", 200, ended, shape=shapes.RESPONSE_SIGNING_KEY,
        shows={"id": "{id}", "state": "active"}, why="again"),
    Row("POST /response-signing-keys/{id}/promote", 409, ended, at="retiredId", code="CONFLICT", why="retired"),
    Row("DELETE /response-signing-keys/{id}", 204, begun),
    Row("DELETE /response-signing-keys/{id}", 409, begun, at="activeId", code="CONFLICT", why="active"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_response_signing_keys(row, api):
    row.check(api)


def test_the_list_shows_no_secret(api):
    names = ended(api)
    answer = api.get(PATH)
    shapes.expect(KEYS, answer.json())
    assert [key["state"] for key in answer.json()["data"]] == ["active", "retired"]
    assert names["signingKey"] not in answer.text


@pytest.mark.parametrize("method, path", [("POST", ""), ("POST", "/{id}/promote"), ("DELETE", "/{id}")])
def test_a_test_key_may_only_look(method, path, api, tester):
    """It must not be able to have live clients refuse our answers."""
    names = begun(api)
    refused = rest.expect_error(tester.send(method, PATH + path.format(**names)), 403)
    assert refused["code"] == "FORBIDDEN" and "live API key" in refused["error"]
    assert by_state(tester)["next"]["id"] == names["id"]


def test_another_account_sees_and_changes_nothing(deployment, api):
    names = begun(api)
    with accounts.create(deployment, "Stranger").api("live") as stranger:
        assert set(by_state(stranger)) == {"active"}
        for method, path in [("POST", f"{PATH}/{names['id']}/promote"), ("DELETE", f"{PATH}/{names['id']}")]:
            assert rest.expect_error(stranger.send(method, path), 404)["code"] == "NOT_FOUND"
    assert by_state(api)["next"]["id"] == names["id"]


def test_a_rotation_is_audited_without_the_secret(api):
    names = ended(api)
    lines = api.get("/audit-events", params={"resourceId": names["id"]}).json()["data"]
    assert [line["action"] for line in lines] == ["responseSigningKey.promote", "responseSigningKey.create"]
    assert lines[0]["before"]["state"] == "next" and lines[0]["after"]["state"] == "active"
    retired = api.get("/audit-events", params={"resourceId": names["retiredId"]}).json()["data"][0]
    assert retired["action"] == "responseSigningKey.retire"
    assert names["signingKey"] not in str(lines)


def test_a_lost_answer_is_given_again(api):
    """The secret is shown once, and to the same request again."""
    settled(api)
    headers = {"idempotency-key": str(uuid.uuid4())}
    made = [rest.expect_data(api.post(PATH, headers=headers), 201) for _ in range(2)]
    assert made[0] == made[1]


# What clients see.


def test_the_published_sdk_verifies_through_a_whole_rotation(deployment, api, monkeypatch, tmp_path):
    """By the old key until the next one is promoted, and by the new one from then on."""
    monkeypatch.setenv("SSL_CERT_FILE", deployment.ca_file)
    monkeypatch.setenv("HOME", str(tmp_path))
    # The secret in use was shown when it was made, so one rotation comes first.
    old = ended(api)["signingKey"]
    key = api.license(api.catalogue())["key"]

    def validate(signing_key):
        client = Licentric(
            api_key=api.key, signing_key=signing_key, base_url=deployment.url, cache_ttl=0, max_retries=0
        )
        try:
            return client.validate(key)
        finally:
            client._client.close()

    assert validate(old).valid
    made = rest.expect_data(api.post(PATH), 201)
    for _ in range(10):
        assert validate(old).valid
    with pytest.raises(SignatureVerificationError):
        validate(made["signingKey"])
    rest.expect_data(api.post(f"{PATH}/{made['id']}/promote"))
    for _ in range(10):
        assert validate(made["signingKey"]).valid
    with pytest.raises(SignatureVerificationError):
        validate(old)


class Checking:
    """Clients of both gateways that validate without a pause and accept either of two keys, as one that is readied
    for a rotation does."""

    def __init__(self, deployment, second, license_key, keys):
        self.keys = keys
        self.failures, self.counts = [], {}
        self._license_key = license_key
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(rest.Api(deployment, None, url=url),))
            for url in (deployment.url, second.url)
        ]

    def _run(self, client):
        with client:
            while not self._ending.is_set():
                answer = client.post("/licenses/validate-key", {"key": self._license_key})
                signed = [key for key in self.keys if is_signed(answer, key)]
                if answer.status_code != 200 or not signed:
                    self.failures.append((answer.status_code, dict(answer.headers)))
                for key in signed:
                    self.counts[key] = self.counts.get(key, 0) + 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()


def is_signed(answer, key, header="x-signature"):
    """Whether an answer has this header by this key."""
    return answer.headers.get(header) == rest.signature(answer, key)


def test_a_client_with_both_keys_accepts_every_answer(deployment, api):
    """Through two gateways, which follow within a second; the header of the next key covers the same bytes."""
    old = ended(api)["signingKey"]
    license_key = api.license(api.catalogue())["key"]
    with topology.gateway(deployment) as second:
        far = rest.Api(deployment, None, url=second.url)

        def validate(client):
            return client.post("/licenses/validate-key", {"key": license_key})

        processes.poll(lambda: is_signed(validate(far), old), EFFECT_SECONDS, "the key in use")
        assert "x-signature-next" not in validate(api).headers
        made = rest.expect_data(api.post(PATH), 201)
        new = made["signingKey"]
        since = time.monotonic()
        with Checking(deployment, second, license_key, [old, new]) as checking:
            near = validate(api)
            assert is_signed(near, old) and is_signed(near, new, "x-signature-next")
            processes.poll(
                lambda: is_signed(validate(far), new, "x-signature-next"), EFFECT_SECONDS, "the next key"
            )
            assert time.monotonic() - since < EFFECT_SECONDS
            processes.poll(lambda: checking.counts.get(old, 0) > 50, 20, "answers by the old key")

            rest.expect_data(api.post(f"{PATH}/{made['id']}/promote"))
            since = time.monotonic()
            near = validate(api)
            assert is_signed(near, new) and "x-signature-next" not in near.headers
            processes.poll(lambda: is_signed(validate(far), new), EFFECT_SECONDS, "the new key")
            assert time.monotonic() - since < EFFECT_SECONDS
            before = checking.counts.get(new, 0)
            processes.poll(lambda: checking.counts.get(new, 0) > before + 50, 20, "answers by the new key")
        assert not checking.failures, checking.failures[:3]
        far.client.close()
