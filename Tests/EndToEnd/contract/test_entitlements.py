"""Entitlements: each endpoint and each status it can give. Attaching them is in test_policies.py."""

import pytest

from harness import given, rest, shapes
from harness.contract import Row, refused

NEW = {"code": "{new}", "name": "PDF export"}
TWO = given.both(given.entitlement(), lambda api: {"otherCode": given.entitlement()(api)["entitlementCode"]})
GONE = given.deleted(given.entitlement(), "/entitlements")

BAD_FIELDS = [
    ("code", ""),
    ("code", "x" * 101),
    ("code", "Upper"),
    ("code", "a b"),
    ("code", None),
    ("name", ""),
    ("name", "x" * 256),
    ("name", None),
    ("description", "x" * 1001),
    ("metadata", []),
    ("metadata", {"x": "y" * 65536}),
]

ROWS = [
    Row("POST /entitlements", 201, body=NEW, shape=shapes.ENTITLEMENT,
        shows={"name": "PDF export", "description": None, "metadata": {}, "deletedAt": None}),
    Row("POST /entitlements", 201, body=NEW | {"description": "Files", "metadata": {"a": 1}},
        shape=shapes.ENTITLEMENT, shows={"description": "Files", "metadata": {"a": 1}}, why="full"),
    Row("POST /entitlements", 201, GONE, body=NEW | {"code": "{entitlementCode}"}, why="the code of a deleted one"),
    Row("POST /entitlements", 422, given.entitlement(), body=NEW | {"code": "{entitlementCode}"},
        code="CONSTRAINT_VIOLATION"),
    Row("POST /entitlements", 400, body={}, issues=[("code",), ("name",)], why="all at once"),
    *refused("POST /entitlements", NEW, BAD_FIELDS),
    Row("GET /entitlements", 200, given.entitlement(), shape=shapes.page_of(shapes.ENTITLEMENT)),
    Row("GET /entitlements/{id}", 200, given.entitlement(), shape=shapes.ENTITLEMENT, shows={"id": "{id}"}),
    Row("GET /entitlements/{id}", 404, GONE, why="deleted"),
    Row("PATCH /entitlements/{id}", 200, given.entitlement(), body={"name": "B", "code": "{new}"},
        shape=shapes.ENTITLEMENT, shows={"name": "B"}),
    Row("PATCH /entitlements/{id}", 200, given.entitlement(description="x"), body={"description": None},
        shows={"description": None}, why="null clears"),
    Row("PATCH /entitlements/{id}", 200, given.entitlement(), body={}, shows={"code": "{entitlementCode}"},
        why="nothing"),
    Row("PATCH /entitlements/{id}", 422, TWO, body={"code": "{otherCode}"}, code="CONSTRAINT_VIOLATION"),
    Row("PATCH /entitlements/{id}", 404, GONE, body={"name": "B"}, why="deleted"),
    *refused("PATCH /entitlements/{id}", {}, BAD_FIELDS, given.entitlement()),
    Row("DELETE /entitlements/{id}", 204, given.entitlement()),
    Row("DELETE /entitlements/{id}", 404, GONE, why="twice"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_entitlements(row, api):
    row.check(api)


def test_a_deleted_one_is_taken_from_everybody(api):
    names = given.both(given.license(), given.entitlement())(api)
    body = {"entitlementIds": [names["entitlementId"]]}
    for path in (f"/policies/{names['policyId']}", f"/licenses/{names['licenseId']}"):
        rest.expect_data(api.post(f"{path}/entitlements", body))
    assert api.send("DELETE", f"/entitlements/{names['entitlementId']}").status_code == 204
    shown = rest.expect_data(api.get(f"/licenses/{names['licenseId']}"))
    assert shown["entitlements"] == [] and shown["policy"]["entitlements"] == []
    assert api.validate(names["key"])["entitlements"] == []


def test_a_new_code_shows_everywhere(api):
    names = given.license(entitled=True)(api)
    [first] = [
        one
        for one in api.get("/entitlements", params={"limit": 100}).json()["data"]
        if one["code"] == names["licenseCode"]
    ]
    code = f"renamed-{names['licenseCode']}"
    rest.expect_data(api.send("PATCH", f"/entitlements/{first['id']}", json={"code": code}))
    assert code in rest.expect_data(api.get(f"/licenses/{names['id']}"))["entitlements"]
