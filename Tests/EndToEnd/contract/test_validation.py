"""Validation: every code in the documented order, what each shows, and the two extensions `explain` and `productId`."""

import pytest

from harness import accounts, given, processes, rest, shapes
from harness import deployment as deployments
from harness.contract import ABSENT, Row

ASK = {"key": "{key}"}
WITH = ASK | {"fingerprint": "{fingerprint}"}
FINGERPRINTED = {"requireFingerprint": True}
# What is no key and begins with nobody's prefix is signed for the only account, and for none where there are several.
NONSENSE = "NOT_FOUND for nonsense"
HEARTBEAT = {"requireHeartbeat": True, "requireFingerprint": True}


def used_up(then=None):
    """A license of one use, which is taken, and what is done to it afterwards."""

    def make(api):
        names = given.license({"maxUses": 1})(api)
        assert api.validate(names["key"])["code"] == "VALID"
        if then:
            rest.expect_data(api.post(f"/licenses/{names['id']}/{then}"))
        return names

    return make


def verdict(code, maker, body=ASK, shows=None, why="", valid=None):
    """A row about an answer: validation says 200 whatever it finds."""
    return Row(
        "POST /licenses/validate-key", 200, maker, body=body, by="nobody", shape=shapes.VERDICT,
        shows={"valid": code == "VALID" if valid is None else valid, "code": code} | (shows or {}),
        why=why or code,
    )  # fmt: skip


ROWS = [
    verdict("VALID", given.license(), shows={"machine": None, "entitlements": [], "metadata": {}}),
    verdict("VALID", given.license(FINGERPRINTED, machines=1), WITH, why="VALID with a fingerprint"),
    verdict("VALID", given.license(entitled=True), why="VALID with entitlements",
            body=ASK | {"entitlements": ["{policyCode}", "{licenseCode}"]}),
    verdict("NOT_FOUND", lambda api: {"key": "LIC-0000-0000-0000-0000"}, shows={"license": None, "machine": None, "entitlements": []}),
    verdict("NOT_FOUND", lambda api: {"key": "nonsense"}, why=NONSENSE),
    verdict("NOT_FOUND", given.deleted(given.license(), "/licenses"), why="NOT_FOUND after deletion"),
    verdict("SUSPENDED", given.license(do=["suspend"])),
    verdict("REVOKED", given.license(do=["revoke"])),
    verdict("BANNED", given.license(do=["ban"])),
    verdict("EXPIRED", given.expired()),
    verdict("EXPIRED", given.expired({"expirationStrategy": "ALLOW_ACCESS"}), valid=True, why="EXPIRED but valid"),
    verdict("REVOKED", given.expired({"expirationStrategy": "REVOKE"}), why="REVOKED by expiry"),
    verdict("USES_EXCEEDED", used_up()),
    verdict("FINGERPRINT_NOT_FOUND", given.license(FINGERPRINTED), why="no fingerprint"),
    verdict("FINGERPRINT_NOT_FOUND", given.license(), WITH, why="unknown fingerprint, a free seat"),
    verdict("MACHINE_LIMIT_EXCEEDED", given.both(given.license({"maxMachines": 1}, machines=1),
            lambda api: {"fingerprint": given.fingerprint()}), WITH, why="unknown fingerprint, no seat"),
    verdict("HEARTBEAT_REQUIRED", given.license(HEARTBEAT, machines=1), WITH),
    verdict("ENTITLEMENTS_MISSING", given.license(entitled=True),
            ASK | {"entitlements": ["{policyCode}", "no-such-code"]}),
    verdict("ENTITLEMENTS_MISSING", given.license(), ASK | {"entitlements": ["SSO"]}, why="case-sensitive"),
    # The order: what comes first decides.
    verdict("SUSPENDED", used_up("suspend"), why="suspended before used up"),
    verdict("EXPIRED", given.expired(FINGERPRINTED), why="expired before fingerprint"),
    verdict("USES_EXCEEDED", used_up(), ASK | {"entitlements": ["sso"]}, why="used up before entitlements"),
    verdict("FINGERPRINT_NOT_FOUND", given.license(FINGERPRINTED), ASK | {"entitlements": ["sso"]},
            why="fingerprint before entitlements"),
    verdict("HEARTBEAT_REQUIRED", given.license(HEARTBEAT, machines=1), WITH | {"entitlements": ["sso"]},
            why="heartbeat before entitlements"),
    # The product that asks.
    verdict("VALID", given.license(), ASK | {"productId": "{productId}"}, why="VALID of its product"),
    verdict("NOT_FOUND", given.license(), ASK | {"productId": ABSENT}, {"license": None}, why="of another product"),
    *[Row("POST /licenses/validate-key", 400, body=body, by="nobody", issues=[path], why=str(path))
      for body, path in [
          ({}, ("key",)), ({"key": ""}, ("key",)), ({"key": 5}, ("key",)), ({"key": "x" * 256}, ("key",)),
          ({"key": "x", "fingerprint": "short"}, ("fingerprint",)),
          ({"key": "x", "fingerprint": "f" * 257}, ("fingerprint",)),
          ({"key": "x", "entitlements": "sso"}, ("entitlements",)),
          ({"key": "x", "entitlements": ["sso", 5]}, ("entitlements", 1)),
          ({"key": "x", "entitlements": [""]}, ("entitlements", 0)),
          ({"key": "x", "entitlements": ["x" * 101]}, ("entitlements", 0)),
          ({"key": "x", "entitlements": ["x"] * 101}, ("entitlements",)),
          ({"key": "x", "productId": "nobody"}, ("productId",)),
          ({"key": "x", "explain": "yes"}, ("explain",)),
      ]],
    Row("POST /licenses/validate-key", 400, by="nobody", why="no body"),
    Row("POST /licenses/validate-key", 401, body={"key": "x"}, why="bad API key",
        headers={"authorization": "Bearer lk_test_" + "0" * 36}),
    # Who holds a key learns no more than the verdict: `explain` is for the account.
    Row("POST /licenses/validate-key", 401, given.license(), body=ASK | {"explain": True}, by="nobody"),
    Row("POST /licenses/validate-key", 403, given.both(given.license(), given.caller("products:read")), by="nobody",
        headers={"authorization": "Bearer {caller}"}, body=ASK | {"explain": True}, why="explained without a scope"),
    Row("POST /licenses/validate-key", 200, given.both(given.license(), given.caller("licenses:validate")), by="nobody",
        headers={"authorization": "Bearer {caller}"}, body=ASK | {"explain": True}, why="explained to a validator",
        shape=shapes.EXPLAINED_VERDICT),
    Row("POST /licenses/validate-key", 200, given.license(), body=ASK | {"explain": True}, why="explained",
        shape=shapes.EXPLAINED_VERDICT),
    Row("POST /licenses/validate-key", 200, used_up(), body=ASK | {"explain": True}, why="explained refusal",
        shape=shapes.EXPLAINED_VERDICT, shows={"code": "USES_EXCEEDED"}),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_validation(row, api, deployment):
    response = row.check(api)
    if row.status == 200 and row.why != NONSENSE:
        rest.expect_signature(response, deployment["LATCHKEY_SIGNING_KEY"])


def test_what_is_no_key_is_signed_for_the_only_account(logs):
    alone = deployments.Deployment(logs / "latchkey-up-alone.log")
    try:
        alone.start()
        with rest.Api(alone, None) as client:

            def ask_nonsense():
                return client.post("/licenses/validate-key", {"key": "nonsense"})

            rest.expect_signature(ask_nonsense(), alone["LATCHKEY_SIGNING_KEY"])
            accounts.create(alone)
            processes.poll(lambda: "x-signature" not in ask_nonsense().headers, 2, "it goes unsigned")
    finally:
        alone.stop()


def ask(api, names, **more):
    body = {"key": names["key"], **more}
    return rest.expect_data(api.client.post("/api/v1/licenses/validate-key", json=body))


def test_heartbeats_keep_a_machine_valid(api):
    names = given.license(HEARTBEAT, machines=1)(api)
    rest.expect_data(api.post(f"/machines/{names['machineId']}/heartbeat"))
    verdict = ask(api, names, fingerprint=names["fingerprint"])
    assert verdict["code"] == "VALID" and verdict["machine"]["heartbeatStatus"] == "ALIVE"
    assert verdict["machine"]["id"] == names["machineId"]


def test_uses_are_counted_on_valid_ones_only(api):
    names = given.license({"maxUses": 2})(api)
    assert ask(api, names, entitlements=["none"])["code"] == "ENTITLEMENTS_MISSING"
    assert [ask(api, names)["license"]["usesCount"] for _ in range(2)] == [1, 2]
    assert ask(api, names)["code"] == "USES_EXCEEDED"
    assert rest.expect_data(api.get(f"/licenses/{names['id']}"))["usesCount"] == 2


def test_unlimited_uses_are_counted_soon(api):
    names = given.license()(api)
    for _ in range(3):
        assert ask(api, names)["code"] == "VALID"
    processes.poll(
        lambda: rest.expect_data(api.get(f"/licenses/{names['id']}"))["usesCount"] == 3,
        5,
        "three uses are counted",
    )


def test_an_override_replaces_the_limit_of_uses(api):
    names = given.license({"maxUses": 1}, {"maxUsesOverride": 2})(api)
    assert [ask(api, names)["code"] for _ in range(3)] == ["VALID", "VALID", "USES_EXCEEDED"]


def test_a_key_of_the_other_environment_is_judged_by_its_own(api, live_api):
    names = given.license()(live_api)
    assert ask(api, names)["code"] == "VALID"
    rest.expect_error(api.get(f"/licenses/{names['id']}"), 404)


def test_an_explanation_says_what_would_help(api):
    names = given.license({"maxMachines": 1}, machines=1)(api)
    body = {"key": names["key"], "fingerprint": given.fingerprint(), "explain": True}
    verdict = rest.expect_data(api.post("/licenses/validate-key", body))
    assert verdict["code"] == "MACHINE_LIMIT_EXCEEDED"
    [failed] = [rule for rule in verdict["explanation"] if rule["outcome"] == "failed"]
    assert failed["current"] == 1 and failed["limit"] == 1 and failed["fix"], failed


def test_nothing_is_explained_to_another_account(api, live_api):
    """An API key of the other environment is as good as none."""
    names = given.license()(api)
    answer = live_api.post("/licenses/validate-key", {"key": names["key"], "explain": True})
    assert answer.status_code in (200, 403, 404), answer.text
    if answer.status_code == 200:
        assert "explanation" not in answer.json()["data"] or answer.json()["data"]["code"] == "NOT_FOUND"
