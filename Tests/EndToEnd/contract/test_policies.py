"""Policies: each endpoint and each status it can give; templates and entitlements."""

import pytest

from harness import given, rest, shapes
from harness.contract import ABSENT, Row, refused

NEW = {"productId": "{productId}", "name": "Standard", "maxMachines": 3}
DEFAULTS = {
    "template": None,
    "maxMachines": 3,
    "maxUses": None,
    "floating": False,
    "durationDays": None,
    "expirationStrategy": "RESTRICT_ACCESS",
    "requireHeartbeat": False,
    "heartbeatIntervalMinutes": 60,
    "heartbeatCullStrategy": "DEACTIVATE_DEAD",
    "requireFingerprint": True,
    "fingerprintUniqueness": "PER_LICENSE",
    "offlineAllowed": True,
    "offlineMaxDays": 14,
    "allowMachineTransfer": False,
    "isTrial": False,
    "trialDurationDays": None,
    "overridable": True,
    "maxUniqueFingerprints": None,
    "metadata": {},
    "entitlements": [],
}
FULL = {
    "maxMachines": 7,
    "maxUses": 1000,
    "floating": True,
    "durationDays": 365,
    "expirationStrategy": "ALLOW_ACCESS",
    "requireHeartbeat": True,
    "heartbeatIntervalMinutes": 5,
    "heartbeatCullStrategy": "KEEP_DEAD",
    "requireFingerprint": False,
    "fingerprintUniqueness": "PER_ACCOUNT",
    "offlineAllowed": False,
    "offlineMaxDays": 30,
    "allowMachineTransfer": True,
    "isTrial": True,
    "trialDurationDays": 7,
    "overridable": False,
    "maxUniqueFingerprints": 20,
    "metadata": {"tier": "gold"},
}
TEMPLATES = {
    "desktop_app": {"maxMachines": 2, "requireFingerprint": True, "offlineAllowed": True,
                    "offlineMaxDays": 14, "durationDays": None, "requireHeartbeat": False,
                    "floating": False, "isTrial": False},
    "cli_tool": {"maxMachines": 3, "requireFingerprint": True, "offlineAllowed": True,
                 "offlineMaxDays": 7, "durationDays": None, "requireHeartbeat": False,
                 "floating": False, "isTrial": False},
    "trial": {"maxMachines": 1, "requireFingerprint": True, "offlineAllowed": False,
              "isTrial": True, "trialDurationDays": 14},
}  # fmt: skip
SAAS = {"maxMachines": None, "requireFingerprint": False, "offlineAllowed": False,
        "durationDays": 30, "requireHeartbeat": True, "heartbeatIntervalMinutes": 1440,
        "floating": True, "isTrial": False}  # fmt: skip

# What both creating and changing refuse.
BAD_FIELDS = [
    ("name", ""),
    ("name", "x" * 256),
    ("name", None),
    ("maxMachines", 0),
    ("maxMachines", -1),
    ("maxMachines", 1.5),
    ("maxMachines", "3"),
    ("maxMachines", 1 << 31),
    ("maxMachines", None),
    ("maxUses", 0),
    ("floating", "yes"),
    ("floating", 1),
    ("durationDays", 0),
    ("durationDays", 365001),
    ("expirationStrategy", "revoke"),
    ("expirationStrategy", 1),
    ("requireHeartbeat", "no"),
    ("heartbeatIntervalMinutes", 0),
    ("heartbeatCullStrategy", "KILL"),
    ("requireFingerprint", 0),
    ("fingerprintUniqueness", "PER_PLANET"),
    ("offlineAllowed", {}),
    ("offlineMaxDays", 0),
    ("offlineMaxDays", 365001),
    ("allowMachineTransfer", []),
    ("isTrial", "x"),
    ("trialDurationDays", 0),
    ("trialDurationDays", 365001),
    ("overridable", "x"),
    ("maxUniqueFingerprints", 0),
    ("allowUnlimitedActivations", "yes"),
    ("metadata", []),
    ("metadata", {"x": "y" * 65536}),
]
# What a change cannot take away.
KEPT = [
    "floating", "expirationStrategy", "requireHeartbeat", "heartbeatIntervalMinutes",
    "heartbeatCullStrategy", "requireFingerprint", "fingerprintUniqueness", "offlineAllowed",
    "offlineMaxDays", "allowMachineTransfer", "isTrial", "overridable",
]  # fmt: skip

ROWS = [
    Row("POST /policies", 201, given.product(), body=NEW, shape=shapes.POLICY, shows=DEFAULTS),
    Row("POST /policies", 201, given.product(), body=NEW | FULL, shape=shapes.POLICY, shows=FULL, why="full"),
    Row("POST /policies", 201, given.product(), shape=shapes.POLICY, shows={"maxMachines": None},
        body=NEW | {"maxMachines": None, "allowUnlimitedActivations": True}, why="unlimited"),
    *[Row("POST /policies", 201, given.product(), shape=shapes.POLICY, shows=defaults | {"template": name},
          body={"productId": "{productId}", "name": "T", "template": name}, why=name)
      for name, defaults in TEMPLATES.items()],
    Row("POST /policies", 201, given.product(), shows=SAAS, why="saas",
        body={"productId": "{productId}", "name": "T", "template": "saas", "allowUnlimitedActivations": True}),
    Row("POST /policies", 201, given.product(), shows={"maxMachines": 9, "offlineMaxDays": 7, "floating": True},
        body=NEW | {"template": "cli_tool", "maxMachines": 9, "floating": True}, why="over a template"),
    Row("POST /policies", 400, given.product(), issues=[("maxMachines",)], why="saas without consent",
        body={"productId": "{productId}", "name": "T", "template": "saas"}),
    Row("POST /policies", 400, given.product(), issues=[("maxMachines",)], why="custom sets nothing",
        body={"productId": "{productId}", "name": "T", "template": "custom"}),
    Row("POST /policies", 400, issues=[("productId",), ("name",)], body={}, why="all at once"),
    *refused("POST /policies", NEW, BAD_FIELDS, given.product()),
    *refused("POST /policies", NEW, [("productId", "nobody"), ("productId", None), ("template", "x"),
                                     ("template", 3)], given.product()),
    Row("POST /policies", 422, body=NEW | {"productId": ABSENT}, code="REFERENCE_NOT_FOUND"),
    Row("POST /policies", 422, given.deleted(given.product(), "/products"), body=NEW,
        code="REFERENCE_NOT_FOUND", why="deleted product"),
    Row("GET /policies", 200, given.policy(), shape=shapes.page_of(shapes.POLICY)),
    Row("GET /policies", 200, given.policy(), query={"productId": "{productId}"},
        shape=shapes.page_of(shapes.POLICY), why="of a product"),
    Row("GET /policies", 400, query={"productId": "nobody"}, issues=[("productId",)]),
    Row("GET /policies/{id}", 200, given.policy(), shape=shapes.POLICY, shows={"id": "{id}"}),
    Row("GET /policies/{id}", 404, given.deleted(given.policy(), "/policies"), why="deleted"),
    Row("PATCH /policies/{id}", 200, given.policy(), body=FULL, shape=shapes.POLICY, shows=FULL),
    Row("PATCH /policies/{id}", 200, given.policy(), body={}, shows={"maxMachines": 3}, why="nothing"),
    Row("PATCH /policies/{id}", 200, given.policy(maxUses=5, durationDays=3, maxUniqueFingerprints=9),
        body={"maxUses": None, "durationDays": None, "maxUniqueFingerprints": None},
        shows={"maxUses": None, "durationDays": None, "maxUniqueFingerprints": None}, why="null clears"),
    Row("PATCH /policies/{id}", 200, given.policy(), body={"maxMachines": None, "allowUnlimitedActivations": True},
        shows={"maxMachines": None}, why="unlimited"),
    *refused("PATCH /policies/{id}", {}, BAD_FIELDS + [(name, None) for name in KEPT], given.policy()),
    Row("PATCH /policies/{id}", 404, given.deleted(given.policy(), "/policies"), body={"name": "B"}, why="deleted"),
    Row("DELETE /policies/{id}", 204, given.policy()),
    Row("DELETE /policies/{id}", 204, given.deleted(given.license(), "/licenses"), at="policyId",
        why="its licenses are deleted"),
    Row("DELETE /policies/{id}", 404, given.deleted(given.policy(), "/policies"), why="twice"),
    Row("DELETE /policies/{id}", 409, given.license(), at="policyId", code="CONFLICT"),
]  # fmt: skip

# The same for policies and licenses.
ATTACHMENTS = [
    row
    for thing, maker, at, shape in [
        ("policies", given.policy(), "policyId", shapes.POLICY),
        ("licenses", given.license(), "licenseId", shapes.ONE_LICENSE),
    ]
    for given_both in [given.both(maker, given.entitlement())]
    for row in [
        Row(f"POST /{thing}/{{id}}/entitlements", 200, given_both, at,
            body={"entitlementIds": ["{entitlementId}"]}, shape=shape,
            shows={"entitlements": ["{entitlementCode}"]}),
        Row(f"POST /{thing}/{{id}}/entitlements", 200, given_both, at, why="by code and by id",
            body={"entitlementIds": ["{entitlementId}"], "entitlementCodes": ["{entitlementCode}"]},
            shows={"entitlements": ["{entitlementCode}"]}),
        Row(f"POST /{thing}/{{id}}/entitlements", 422, maker, at, code="REFERENCE_NOT_FOUND",
            body={"entitlementIds": [ABSENT]}),
        Row(f"POST /{thing}/{{id}}/entitlements", 422, maker, at, code="REFERENCE_NOT_FOUND",
            body={"entitlementCodes": ["no-such-code"]}, why="unknown code"),
        Row(f"POST /{thing}/{{id}}/entitlements", 422, code="REFERENCE_NOT_FOUND", why="deleted one", at=at,
            given=given.both(maker, given.deleted(given.entitlement(), "/entitlements")),
            body={"entitlementIds": ["{entitlementId}"]}),
        Row(f"DELETE /{thing}/{{id}}/entitlements", 200, given_both, at, why="not attached",
            body={"entitlementIds": ["{entitlementId}"]}, shows={"entitlements": []}),
        *[row for method in ("POST", "DELETE") for row in refused(
            f"{method} /{thing}/{{id}}/entitlements", {},
            [("entitlementIds", "x"), ("entitlementIds", ["nobody"], "entitlementIds", 0),
             ("entitlementIds", [ABSENT] * 101), ("entitlementCodes", [ABSENT, ""], "entitlementCodes", 1),
             ("entitlementCodes", ["x"] * 101)], maker)],
    ]
]  # fmt: skip
ROWS += ATTACHMENTS


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_policies(row, api):
    row.check(api)


def test_what_is_attached_can_be_detached(api):
    names = given.license(entitled=True)(api)
    both = sorted([names["policyCode"], names["licenseCode"]])
    shown = rest.expect_data(api.get(f"/licenses/{names['id']}"))
    assert shown["entitlements"] == both and shown["policy"]["entitlements"] == [names["policyCode"]]
    for path, code, left in [
        (f"/policies/{names['policyId']}", "policyCode", [names["licenseCode"]]),
        (f"/licenses/{names['id']}", "licenseCode", []),
    ]:
        body = {"entitlementCodes": [names[code]]}
        rest.expect_data(api.send("DELETE", f"{path}/entitlements", json=body))
        shown = rest.expect_data(api.get(f"/licenses/{names['id']}"))
        assert shown["entitlements"] == left


def test_a_deleted_policy_takes_no_licenses(api):
    names = given.deleted(given.policy(), "/policies")(api)
    body = {"productId": names["productId"], "policyId": names["policyId"]}
    assert rest.expect_error(api.post("/licenses", body), 422)["code"] == "REFERENCE_NOT_FOUND"
