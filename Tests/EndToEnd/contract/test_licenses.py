"""Licenses: each endpoint and each status it can give; the life cycle as a table of transitions."""

import uuid

import pytest

from harness import given, rest, shapes
from harness.contract import ABSENT, Row, refused

NEW = {"productId": "{productId}", "policyId": "{policyId}"}
PLAIN = {
    "name": None, "status": "active", "userEmail": None, "userName": None, "expiresAt": None,
    "maxMachinesOverride": None, "maxUsesOverride": None, "usesCount": 0, "machineCount": 0,
    "entitlements": [], "suspendedAt": None, "revokedAt": None, "bannedAt": None,
    "deletedAt": None, "metadata": {}, "machines": [],
}  # fmt: skip
FULL = {
    "name": "Studio seat", "userEmail": "Pat@studio.example", "userName": "Pat Moreau",
    "expiresAt": "2099-03-31T00:00:00.000Z", "maxMachinesOverride": 9, "maxUsesOverride": 100,
    "metadata": {"order": "A-17", "seats": 3, "paid": True},
}  # fmt: skip
RIGID = {"overridable": False}
GONE = given.deleted(given.license(), "/licenses")

BAD_FIELDS = [
    ("name", "x" * 256),
    ("name", 5),
    ("expiresAt", "tomorrow"),
    ("expiresAt", "2027-13-01T00:00:00.000Z"),
    ("expiresAt", 1900000000),
    ("maxMachinesOverride", 0),
    ("maxMachinesOverride", "9"),
    ("maxUsesOverride", 0),
    ("maxUsesOverride", 1.5),
    ("userEmail", "nobody"),
    ("userEmail", "a@" + "b" * 260),
    ("userName", "x" * 256),
    ("entitlementIds", "x"),
    ("entitlementIds", ["nobody"], "entitlementIds", 0),
    ("entitlementIds", [ABSENT] * 101),
    ("policyId", "nobody"),
    ("metadata", []),
    ("metadata", {"x": "y" * 65536}),
]
BAD_QUERIES = [
    ({"status": "dead"}, "status"),
    ({"productId": "nobody"}, "productId"),
    ({"policyId": "nobody"}, "policyId"),
    ({"userEmail": ""}, "userEmail"),
    ({"createdAfter": "yesterday"}, "createdAfter"),
    ({"createdBefore": "yesterday"}, "createdBefore"),
    ({"metadataKey": "x" * 101, "metadataValue": "y"}, "metadataKey"),
]

ROWS = [
    Row("POST /licenses", 201, given.policy(), body=NEW, shape=shapes.ISSUED_LICENSE, shows=PLAIN),
    Row("POST /licenses", 201, given.policy(), body=NEW | FULL, shape=shapes.ISSUED_LICENSE, shows=FULL,
        why="full"),
    Row("POST /licenses", 201, given.both(given.policy(), given.entitlement()),
        body=NEW | {"entitlementIds": ["{entitlementId}"]}, shows={"entitlements": ["{entitlementCode}"]},
        why="entitled"),
    Row("POST /licenses", 422, given.policy(), body=NEW | {"productId": ABSENT}, code="REFERENCE_NOT_FOUND"),
    Row("POST /licenses", 422, given.policy(), body=NEW | {"policyId": ABSENT}, code="REFERENCE_NOT_FOUND",
        why="unknown policy"),
    Row("POST /licenses", 422, given.both(given.policy(), lambda api: {"productId": api.product()["id"]}),
        body=NEW, why="policy of another product"),
    Row("POST /licenses", 422, given.policy(), body=NEW | {"entitlementIds": [ABSENT]},
        code="REFERENCE_NOT_FOUND", why="unknown entitlement"),
    Row("POST /licenses", 422, given.policy(**RIGID), body=NEW | {"maxMachinesOverride": 9},
        code="BUSINESS_RULE_VIOLATION"),
    Row("POST /licenses", 422, given.policy(**RIGID), body=NEW | {"maxUsesOverride": 9},
        code="BUSINESS_RULE_VIOLATION", why="uses"),
    Row("POST /licenses", 400, body={}, issues=[("productId",), ("policyId",)], why="all at once"),
    *refused("POST /licenses", NEW, BAD_FIELDS + [("productId", "nobody"), ("productId", None)], given.policy()),
    Row("GET /licenses", 200, given.license(), shape=shapes.page_of(shapes.LICENSE)),
    *[Row("GET /licenses", 400, query=query, issues=[(name,)], why=f"{query}"[:50])
      for query, name in BAD_QUERIES],
    Row("GET /licenses", 400, query={"metadataKey": "x"}, why="key without value"),
    Row("GET /licenses/{id}", 200, given.license(machines=1), shape=shapes.ONE_LICENSE,
        shows={"id": "{id}", "machineCount": 1}),
    Row("GET /licenses/{id}", 404, GONE, why="deleted"),
    Row("GET /licenses/by-key/{key}", 200, given.license(machines=1), shape=shapes.ONE_LICENSE,
        shows={"id": "{id}"}),
    Row("GET /licenses/by-key/{key}", 404, GONE, why="deleted"),
    Row("GET /licenses/by-key/{key}", 404, lambda api: {"key": "LIC-0000-0000-0000-0000"}, why="unknown"),
    Row("GET /licenses/by-key/{key}", 400, lambda api: {"key": "x" * 256}, why="too long"),
    Row("PATCH /licenses/{id}", 200, given.license(), body=FULL, shape=shapes.ONE_LICENSE, shows=FULL),
    Row("PATCH /licenses/{id}", 200, given.license(), body={}, shows={"status": "active"}, why="nothing"),
    Row("PATCH /licenses/{id}", 200, given.license(fields=FULL), why="null clears",
        body={name: None for name in FULL if name != "metadata"},
        shows={name: None for name in FULL if name != "metadata"} | {"metadata": FULL["metadata"]}),
    Row("PATCH /licenses/{id}", 200, given.both(given.license(), given.entitlement()), at="licenseId",
        body={"entitlementIds": ["{entitlementId}"]}, shows={"entitlements": ["{entitlementCode}"]},
        why="entitled"),
    Row("PATCH /licenses/{id}", 200, given.both(given.license(), given.entitlement()), at="licenseId",
        body={"entitlementIds": []}, shows={"entitlements": []}, why="entitlements taken"),
    Row("PATCH /licenses/{id}", 422, given.license(), body={"policyId": ABSENT}, code="REFERENCE_NOT_FOUND"),
    Row("PATCH /licenses/{id}", 422, given.both(given.license(), given.policy()), at="licenseId",
        body={"policyId": "{policyId}"}, why="policy of another product"),
    Row("PATCH /licenses/{id}", 422, given.license(), body={"entitlementIds": [ABSENT]},
        code="REFERENCE_NOT_FOUND", why="unknown entitlement"),
    Row("PATCH /licenses/{id}", 422, given.license(RIGID), body={"maxMachinesOverride": 9},
        code="BUSINESS_RULE_VIOLATION"),
    Row("PATCH /licenses/{id}", 404, GONE, body={"name": "B"}, why="deleted"),
    *refused("PATCH /licenses/{id}", {}, BAD_FIELDS + [("policyId", None)], given.license()),
    Row("DELETE /licenses/{id}", 204, given.license()),
    Row("DELETE /licenses/{id}", 204, given.license(machines=2), why="with machines"),
    Row("DELETE /licenses/{id}", 404, GONE, why="twice"),
    Row("POST /licenses/{id}/reveal-key", 200, given.license(), shape={"id": shapes.is_uuid, "key": shapes.is_text},
        shows={"id": "{id}", "key": "{key}"}),
    Row("POST /licenses/{id}/reveal-key", 200, given.license(do=["revoke"]), shows={"key": "{key}"}, why="revoked"),
    Row("POST /licenses/{id}/reveal-key", 422, given.unstored_key(), code="BUSINESS_RULE_VIOLATION"),
    Row("POST /licenses/{id}/reveal-key", 404, GONE, why="deleted"),
]  # fmt: skip

# From each state, what each action leads to; an action that is missing is refused with CONFLICT.
SOON = ("renew", {"expiresAt": "2099-01-01T00:00:00.000Z"})
STATES = {
    "active": given.license(),
    "suspended": given.license(do=["suspend"]),
    "expired": given.expired(),
    "revoked": given.license(do=["revoke"]),
    "banned": given.license(do=["ban"]),
}
TRANSITIONS = {
    "active": {"suspend": "suspended", "revoke": "revoked", "renew": "active", "ban": "banned"},
    "suspended": {"reinstate": "active", "revoke": "revoked", "ban": "banned"},
    "expired": {"reinstate": "active", "renew": "active", "ban": "banned"},
    "revoked": {},
    "banned": {},
}
BODIES = {
    "suspend": {"reason": "unpaid"},
    "revoke": {"reason": "refunded"},
    "ban": {"reason": "shared"},
    "reinstate": SOON[1] | {"reason": "paid"},
    "renew": SOON[1],
}
# Of each action: the time that it sets.
SET_TIMES = {"suspended": "suspendedAt", "revoked": "revokedAt", "banned": "bannedAt"}

ROWS += [
    Row(f"POST /licenses/{{id}}/{action}", 200, STATES[state], body=body, shape=shapes.ONE_LICENSE,
        shows={"status": TRANSITIONS[state][action]}, why=state)
    if action in TRANSITIONS[state] else
    Row(f"POST /licenses/{{id}}/{action}", 409, STATES[state], body=body, code="CONFLICT", why=state)
    for state in STATES
    for action, body in BODIES.items()
]  # fmt: skip
ROWS += [
    # What bodies may leave out, and what they may not hold.
    *[Row(f"POST /licenses/{{id}}/{action}", 200, STATES[state], why="without a body")
      for state, action in [("active", "suspend"), ("active", "revoke"), ("active", "ban"),
                            ("suspended", "reinstate")]],
    *[Row(f"POST /licenses/{{id}}/{action}", 400, STATES["active"], body={"reason": "x" * 1001},
          issues=[("reason",)], why="long reason") for action in BODIES],
    *[Row(f"POST /licenses/{{id}}/{action}", 404, GONE, body=body, why="deleted")
      for action, body in BODIES.items()],
    *[Row(f"POST /licenses/{{id}}/{action}", 400, STATES["active"], body={"expiresAt": "x"},
          issues=[("expiresAt",)], why="bad time") for action in ("reinstate", "renew")],
    # An expiry has to come from somewhere, and to lie ahead.
    Row("POST /licenses/{id}/reinstate", 422, STATES["expired"], code="BUSINESS_RULE_VIOLATION"),
    Row("POST /licenses/{id}/renew", 422, STATES["active"], code="BUSINESS_RULE_VIOLATION"),
    *[Row(f"POST /licenses/{{id}}/{action}", 400, STATES["expired"], body={"expiresAt": "2020-01-01T00:00:00.000Z"},
          issues=[("expiresAt",)], why="in the past") for action in ("reinstate", "renew")],
    Row("POST /licenses/{id}/reinstate", 200, given.expired({"durationDays": 30}), shows={"status": "active"},
        why="by the duration"),
    Row("POST /licenses/{id}/renew", 200, given.license({"durationDays": 30}), shows={"status": "active"},
        why="by the duration"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_licenses(row, api):
    row.check(api)


@pytest.mark.parametrize("action, time", [("suspend", "suspendedAt"), ("revoke", "revokedAt"), ("ban", "bannedAt")])
def test_a_state_has_its_time(action, time, api):
    names = given.license()(api)
    shown = rest.expect_data(api.post(f"/licenses/{names['id']}/{action}"))
    assert rest.moment(minutes=-1) < shown[time] <= rest.moment(minutes=1)
    others = {"suspendedAt", "revokedAt", "bannedAt"} - {time}
    assert all(shown[other] is None for other in others), shown
    if action == "suspend":
        shown = rest.expect_data(api.post(f"/licenses/{names['id']}/reinstate"))
        assert shown["suspendedAt"] is None


def test_renewing_counts_from_the_later_of_now_and_the_expiry(api):
    names = given.license({"durationDays": 10})(api)
    shown = rest.expect_data(api.post(f"/licenses/{names['id']}/renew"))
    assert rest.moment(days=19) < shown["expiresAt"] < rest.moment(days=21)
    names = given.expired({"durationDays": 10})(api)
    shown = rest.expect_data(api.post(f"/licenses/{names['id']}/renew"))
    assert rest.moment(days=9) < shown["expiresAt"] < rest.moment(days=11)


def test_an_expiry_may_revoke(api):
    names = given.expired({"expirationStrategy": "REVOKE"})(api)
    assert rest.expect_data(api.get(f"/licenses/{names['id']}"))["status"] == "revoked"
    refused = api.post(f"/licenses/{names['id']}/renew", SOON[1])
    assert rest.expect_error(refused, 409)["code"] == "CONFLICT"


def test_the_filters_of_the_list(api):
    """Each filter finds exactly what it names, among licenses that differ in everything."""
    catalogue = api.catalogue()
    policy = api.policy(catalogue.product)
    mail = f"{uuid.uuid4().hex[:12]}@studio.example"
    order = uuid.uuid4().hex
    first = api.license(catalogue, userEmail=mail.upper(), metadata={"order": order, "seats": 3, "paid": True})
    second = api.license(rest.Catalogue(catalogue.product, policy))
    third = api.license(catalogue)
    rest.expect_data(api.post(f"/licenses/{third['id']}/suspend"))
    product = {"productId": catalogue.product["id"]}
    for query, expected in [
        (product, [third, second, first]),
        ({"policyId": policy["id"]}, [second]),
        ({"userEmail": mail}, [first]),
        (product | {"status": "suspended"}, [third]),
        (product | {"status": "active"}, [second, first]),
        (product | {"status": "banned"}, []),
        ({"metadataKey": "order", "metadataValue": order}, [first]),
        (product | {"metadataKey": "seats", "metadataValue": "3"}, [first]),
        (product | {"metadataKey": "paid", "metadataValue": "true"}, [first]),
        (product | {"metadataKey": "paid", "metadataValue": "false"}, []),
        (product | {"createdAfter": second["createdAt"]}, [third, second]),
        (product | {"createdBefore": second["createdAt"]}, [first]),
        (product | {"status": "active", "policyId": policy["id"]}, [second]),
    ]:
        page = api.get("/licenses", params=query).json()
        assert [one["id"] for one in page["data"]] == [one["id"] for one in expected], query
        assert page["pagination"] == {"nextCursor": None, "hasMore": False}


def test_another_policy_brings_its_terms(api):
    """Machines beyond the new limit stay, and no new one is admitted until there are fewer."""
    names = given.license({"maxMachines": 3}, machines=3)(api)
    strict = api.policy({"id": names["productId"]}, maxMachines=1)
    shown = rest.expect_data(api.send("PATCH", f"/licenses/{names['id']}", json={"policyId": strict["id"]}))
    assert shown["policyId"] == strict["id"] and shown["machineCount"] == 3
    more = {"licenseId": names["id"], "fingerprint": given.fingerprint()}
    refusal = rest.expect_error(api.post("/machines", more), 422)
    assert refusal["details"] == {"max": 1, "current": 3}
    for machine in rest.expect_data(api.get(f"/licenses/{names['id']}"))["machines"]:
        rest.expect_error(api.post("/machines", more), 422)
        assert api.send("DELETE", f"/machines/{machine['id']}").status_code == 204
    rest.expect_data(api.post("/machines", more), 201)


def test_overrides_do_not_go_to_a_policy_that_has_none(api):
    names = given.license(fields={"maxMachinesOverride": 9})(api)
    rigid = api.policy({"id": names["productId"]}, **RIGID)
    path = f"/licenses/{names['id']}"
    refused = api.send("PATCH", path, json={"policyId": rigid["id"]})
    assert rest.expect_error(refused, 422)["code"] == "BUSINESS_RULE_VIOLATION"
    change = {"policyId": rigid["id"], "maxMachinesOverride": None}
    assert rest.expect_data(api.send("PATCH", path, json=change))["maxMachinesOverride"] is None


def test_deleting_takes_the_machines_and_the_key(api):
    names = given.license(machines=1)(api)
    assert api.send("DELETE", f"/licenses/{names['id']}").status_code == 204
    rest.expect_error(api.get(f"/machines/{names['machineId']}"), 404)
    assert api.validate(names["key"])["code"] == "NOT_FOUND"
    assert api.get("/machines", params={"licenseId": names["id"]}).json()["data"] == []
