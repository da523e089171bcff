"""Idempotency-Key on every POST and PATCH: the same request again is answered as it was, and done once."""

import uuid

import pytest

from harness import given, openapi, receiver, rest
from harness.contract import ABSENT, Row, nothing

LONGEST = "x" * 255

# Of each POST and PATCH: a state, a body that works, and one that differs.
PRODUCT = {"name": "Atelier", "code": "{new}"}
LICENSE = {"productId": "{productId}", "policyId": "{policyId}"}
ATTACH = {"entitlementIds": ["{entitlementId}"]}
SOON, LATER = ({"expiresAt": f"20{year}-01-01T00:00:00.000Z"} for year in (98, 99))
NOW = "2026-01-01T00:00:00.000Z"
HOOK = {"url": receiver.NOBODY, "events": ["webhook.disabled"]}
ENTITLED = given.both(given.license(), given.entitlement())

REPEATABLE = {
    "POST /api-keys": (given.product(), {"name": "A"}, {"name": "B"}),
    "PATCH /api-keys/{id}": (given.api_key(), {"name": "A"}, {"name": "B"}),
    "POST /api-keys/{id}/rotate": (given.api_key(), {}, {"overlapSeconds": 1}),
    "POST /licenses": (given.policy(), LICENSE, LICENSE | {"name": "B"}),
    "PATCH /licenses/{id}": (given.license(), {"name": "A"}, {"name": "B"}),
    "POST /licenses/{id}/suspend": (given.license(), {"reason": "A"}, {"reason": "B"}),
    "POST /licenses/{id}/reinstate": (given.license(do=["suspend"]), {"reason": "A"}, {"reason": "B"}),
    "POST /licenses/{id}/revoke": (given.license(), {"reason": "A"}, {"reason": "B"}),
    "POST /licenses/{id}/renew": (given.license(), SOON, LATER),
    "POST /licenses/{id}/ban": (given.license(), {"reason": "A"}, {"reason": "B"}),
    "POST /licenses/{id}/entitlements": (ENTITLED, ATTACH, {"entitlementIds": [ABSENT]}),
    "POST /licenses/{id}/checkout": (given.license(), {"fingerprint": "{fingerprint}"},
                                     {"fingerprint": "other-fingerprint"}),
    "POST /licenses/{id}/files/revoke": (given.license_file(), {"reason": "A"}, {"reason": "B"}),
    "POST /license-files/request": (given.file_request(), {"request": "{request}"}, {"request": "{request} "}),
    "POST /license-files/release": (given.file_receipt(), {"receipt": "{receipt}"}, {"receipt": "{receipt} "}),
    "POST /signing-keys/rotate": (nothing, {"force": True}, {"force": True, "overlapSeconds": 1}),
    "POST /signing-keys/{id}/retire": (given.retired_signing_key(), {"revoke": True, "force": True},
                                       {"force": True}),
    "POST /licenses/bulk": (given.policy(), {"licenses": [LICENSE]}, {"licenses": [LICENSE] * 2}),
    "POST /machines": (given.license(), {"licenseId": "{licenseId}", "fingerprint": "{fingerprint}"},
                       {"licenseId": "{licenseId}", "fingerprint": "other-fingerprint"}),
    "PATCH /machines/{id}": (given.machine(), {"name": "A"}, {"name": "B"}),
    "POST /products": (nothing, PRODUCT, PRODUCT),
    "PATCH /products/{id}": (given.product(), {"name": "A"}, {"name": "B"}),
    "POST /policies": (given.product(), {"productId": "{productId}", "name": "A", "maxMachines": 1},
                       {"productId": "{productId}", "name": "B", "maxMachines": 1}),
    "PATCH /policies/{id}": (given.policy(), {"name": "A"}, {"name": "B"}),
    "POST /policies/{id}/entitlements": (given.both(given.policy(), given.entitlement()), ATTACH,
                                         {"entitlementIds": [ABSENT]}),
    "POST /entitlements": (nothing, PRODUCT, PRODUCT),
    "PATCH /entitlements/{id}": (given.entitlement(), {"name": "A"}, {"name": "B"}),
    "POST /customers": (nothing, {"email": "{new}@studio.example"}, {"email": "{new}@studio.example"}),
    "PATCH /customers/{id}": (given.customer(), {"name": "A"}, {"name": "B"}),
    "PATCH /api/dashboard/me": (nothing, {"name": "A"}, {"name": "B"}),
    "PATCH /api/dashboard/users/{id}": (given.user(), {"name": "A"}, {"name": "B"}),
    "POST /api/dashboard/invitations": (nothing, {"email": "{new}@studio.example", "role": "support"},
                                        {"email": "{new}@studio.example", "role": "admin"}),
    "POST /api/dashboard/api-keys": (nothing, {"name": "A"}, {"name": "B"}),
    "POST /webhooks": (nothing, HOOK, HOOK | {"description": "B"}),
    "PATCH /webhooks/{id}": (given.webhook(), {"description": "A"}, {"description": "B"}),
    "POST /webhooks/{id}/rotate-secret": (given.webhook(), {"overlapSeconds": 1}, {"overlapSeconds": 2}),
    "POST /webhooks/{id}/redeliver": (given.webhook(), {"from": NOW}, {"from": NOW, "until": LATER["expiresAt"]}),
    "POST /webhooks/{id}/recover": (given.webhook(), {"since": NOW}, {"since": LATER["expiresAt"]}),
}  # fmt: skip
# Those that repeat by their nature: a verdict, a lease, a release, a heartbeat, a look at a key, a report, a promotion; a
# stream, whose keys are unique; and a root, of which the same answer would show the private half again (test_signing.py).
BY_NATURE = {
    "POST /licenses/validate-key", "POST /licenses/acquire", "POST /licenses/release", "POST /licenses/import",
    "POST /machines/{id}/heartbeat", "POST /licenses/{id}/reveal-key",
    "POST /leaks/api-keys", "POST /leaks/license-keys", "POST /response-signing-keys/{id}/promote",
    "POST /signing-root", "POST /signing-root/succession",
    # A test sends what is no event; to send a delivery again, or to give it up, names it.
    "POST /webhooks/{id}/test", "POST /webhooks/{id}/deliveries/{deliveryId}/redeliver",
    "POST /webhooks/{id}/deliveries/{deliveryId}/cancel",
}  # fmt: skip

# Logins take no key, since each begins another session. What users do to themselves is proved by their password or a
# code each time, and has nothing else in its body that could differ; nor has what has no body.
OF_USERS = {
    f"POST /api/dashboard/{path}"
    for path in (
        "login", "login/second-factor", "invitations/accept", "password-resets/accept", "logout", "me/password",
        "me/second-factor", "me/second-factor/confirm", "me/recovery-codes", "users/{id}/password-reset",
    )
}  # fmt: skip
# Shown where its state is not everybody's: test_response_signing_keys.py.
ELSEWHERE = {"POST /response-signing-keys"}

ROWS = [
    Row("POST /products", 400, body=PRODUCT, headers={"idempotency-key": value}, why=why)
    for value, why in [("x" * 256, "key too long"), ("", "empty key")]
] + [Row("POST /products", 201, body=PRODUCT, headers={"idempotency-key": LONGEST}, why="longest key")]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_key_itself(row, api):
    row.check(api)


def test_no_endpoint_is_missing():
    expected = {one.name for one in openapi.endpoints() if one.method in ("POST", "PATCH")}
    assert expected == set(REPEATABLE) | BY_NATURE | OF_USERS | ELSEWHERE


@pytest.mark.parametrize("endpoint", REPEATABLE)
def test_the_same_request_is_answered_as_it_was(endpoint, api):
    maker, body, other = REPEATABLE[endpoint]
    made = maker(api)
    made["new"] = f"new-{uuid.uuid4().hex[:16]}"
    if "/licenses/{id}" in endpoint:
        made["id"] = made["licenseId"]
    if "/policies/{id}" in endpoint:
        made["id"] = made["policyId"]
    headers = {"idempotency-key": str(uuid.uuid4())}
    row = Row(endpoint, 0, headers=headers, body=body)
    first = row.send(api, made)
    assert first.is_success, first.text
    again = row.send(api, made)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    made["new"] = f"new-{uuid.uuid4().hex[:16]}"
    refused = Row(endpoint, 0, headers=headers, body=other).send(api, made)
    assert rest.expect_error(refused, 409)["code"] == "CONFLICT"


def test_a_link_is_made_once(api):
    """And shown again, though only its hash is kept beside the sealed answer."""
    one = given.user()(api)
    key = {"idempotency-key": str(uuid.uuid4())}
    path = f"/api/dashboard/users/{one['id']}/password-reset"
    links = {rest.expect_data(api.post(path, headers=key), 201)["link"] for _ in range(3)}
    assert len(links) == 1
    body = {"token": links.pop().split("#")[1], "password": "a donkey in the garden"}
    answer = api.client.post("/api/dashboard/password-resets/accept", json=body)
    assert answer.status_code == 204, answer.text


def test_it_is_done_once(api):
    names = given.policy()(api)
    body = {"productId": names["productId"], "policyId": names["policyId"]}
    key = {"idempotency-key": str(uuid.uuid4())}
    issued = [rest.expect_data(api.post("/licenses", body, headers=key), 201) for _ in range(3)]
    assert issued[0] == issued[1] == issued[2] and rest.LICENSE_KEY.fullmatch(issued[0]["key"])
    listed = api.get("/licenses", params={"productId": names["productId"]}).json()["data"]
    assert [one["id"] for one in listed] == [issued[0]["id"]]
    assert len(api.get("/audit-events", params={"resourceId": issued[0]["id"]}).json()["data"]) == 1


def test_what_one_api_key_was_answered_is_not_repeated_to_another(api, deployment):
    """It may be a license key, an API key or a secret, which the other one may have no right to."""
    names = given.policy()(api)
    body = {"productId": names["productId"], "policyId": names["policyId"]}
    key = {"idempotency-key": str(uuid.uuid4())}
    first = rest.expect_data(api.post("/licenses", body, headers=key), 201)
    other = api.api_key()["key"]
    refused = api.post("/licenses", body, headers=key | {"authorization": f"Bearer {other}"})
    assert rest.expect_error(refused, 409)["code"] == "CONFLICT"
    assert first["key"] not in refused.text
    assert rest.expect_data(api.post("/licenses", body, headers=key), 201) == first


def test_users_have_nothing_to_do_with_each_others_keys(api):
    key = {"idempotency-key": str(uuid.uuid4())}
    for _ in range(2):
        with api.owner.invite("developer") as user:
            named = rest.expect_data(user.send("PATCH", "/api/dashboard/me", json={"name": "A"}, headers=key))
            assert named["id"] == user.id


def test_a_key_that_is_not_stored_any_more_is_not_shown_again(api):
    catalogue = api.catalogue()
    body = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"]}
    key = {"idempotency-key": str(uuid.uuid4())}
    first = rest.expect_data(api.post("/licenses", body, headers=key), 201)
    assert rest.expect_data(api.post("/licenses", body, headers=key), 201) == first
    path = f"/products/{catalogue.product['id']}"
    rest.expect_data(api.send("PATCH", path, json={"storeKeys": False}))
    again = rest.expect_data(api.post("/licenses", body, headers=key), 201)
    first.pop("key")
    assert again == first | {"keyStored": False}


def test_keys_are_of_an_environment_a_method_and_a_path(api, live_api):
    key = {"idempotency-key": str(uuid.uuid4())}
    first = rest.expect_data(api.post("/products", PRODUCT | {"code": f"a-{uuid.uuid4().hex[:8]}"}, headers=key), 201)
    other = {"name": "E", "code": f"e-{uuid.uuid4().hex[:8]}"}
    assert rest.expect_data(api.post("/entitlements", other, headers=key), 201)["id"] != first["id"]
    live = rest.expect_data(live_api.post("/products", PRODUCT | {"code": first["code"]}, headers=key), 201)
    assert live["id"] != first["id"]


def test_what_was_refused_may_be_tried_again(api):
    """A refusal is not kept: the reason may be gone."""
    names = given.product()(api)
    key = {"idempotency-key": str(uuid.uuid4())}
    body = {"name": "Again", "code": names["code"]}
    rest.expect_error(api.post("/products", body, headers=key), 422)
    assert api.send("DELETE", f"/products/{names['id']}").status_code == 204
    rest.expect_data(api.post("/products", body, headers=key), 201)
