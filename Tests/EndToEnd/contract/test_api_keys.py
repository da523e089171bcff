"""API keys: each endpoint and each status it can give. What they may do is in ../test_credentials.py."""

import pytest

from harness import given, rest, shapes
from harness.contract import Row, refused

NEW = {"name": "build server"}
BAD_ADDRESSES = [
    ("allowedAddresses", "10.0.0.0/8"), ("allowedAddresses", ["10.0.0.0"], "allowedAddresses", 0),
    ("allowedAddresses", ["10.0.0.0/8", "10.0.0.1/8"], "allowedAddresses", 1),
    ("allowedAddresses", ["10.0.0.0/33"], "allowedAddresses", 0),
    ("allowedAddresses", ["::ffff:10.0.0.0/104"], "allowedAddresses", 0),
    ("allowedAddresses", ["10.0.0.0/8"] * 51),
]  # fmt: skip


ROWS = [
    Row("POST /api-keys", 201, body=NEW, shape=shapes.ISSUED_API_KEY,
        shows={"environment": "test", "fullAccess": True, "scopes": [], "expiresAt": None, "revokedAt": None}),
    Row("POST /api-keys", 201, body=NEW | {"scopes": ["licenses:read"], "expiresAt": "2099-01-01T00:00:00.000Z"},
        shape=shapes.ISSUED_API_KEY, shows={"fullAccess": False, "scopes": ["licenses:read"]}, why="scoped"),
    *refused("POST /api-keys", NEW, [
        ("name", ""), ("name", "x" * 256), ("name", None), ("scopes", "all"), ("scopes", [""], "scopes", 0),
        ("scopes", ["x:y"] * 65), ("expiresAt", "tomorrow"), ("environment", "staging")]),
    Row("POST /api-keys", 201, body=NEW | {"preset": "validate_only"}, shape=shapes.ISSUED_API_KEY,
        shows={"fullAccess": False, "scopes": ["licenses:validate"]}, why="preset"),
    Row("POST /api-keys", 201, body=NEW | {"allowedAddresses": ["203.0.113.0/24", "2001:DB8:0::/32"]},
        shape=shapes.ISSUED_API_KEY, shows={"allowedAddresses": ["203.0.113.0/24", "2001:db8::/32"]},
        why="addresses"),
    *refused("POST /api-keys", NEW, [("preset", "all"), *BAD_ADDRESSES]),
    Row("POST /api-keys", 400, body=NEW | {"preset": "read_only", "scopes": ["licenses:read"]},
        issues=[("preset",)], why="preset and scopes"),
    Row("PATCH /api-keys/{id}", 200, given.api_key(),
        body={"name": "Shop", "expiresAt": "2099-01-01T00:00:00.000Z", "allowedAddresses": ["10.0.0.0/8"]},
        shape=shapes.API_KEY, shows={"id": "{id}", "name": "Shop", "expiresAt": "2099-01-01T00:00:00.000Z",
                                     "allowedAddresses": ["10.0.0.0/8"]}),
    Row("PATCH /api-keys/{id}", 200, given.api_key(), body={"expiresAt": None, "allowedAddresses": None},
        shape=shapes.API_KEY, shows={"name": "made by a test", "expiresAt": None, "allowedAddresses": []},
        why="null"),
    Row("PATCH /api-keys/{id}", 409, given.revoked_api_key(), body={"name": "Shop"}, code="CONFLICT", why="revoked"),
    Row("PATCH /api-keys/{id}", 409, given.rotated_api_key(), body={"expiresAt": None}, code="CONFLICT", why="rotated"),
    *refused("PATCH /api-keys/{id}", {}, [
        ("name", ""), ("name", None), ("name", "x" * 256), ("expiresAt", "tomorrow"),
        ("expiresAt", "2001-01-01T00:00:00.000Z"), *BAD_ADDRESSES], given=given.api_key()),
    Row("POST /api-keys/{id}/rotate", 201, given.api_key(), body={}, shape=shapes.ISSUED_API_KEY,
        shows={"replaces": "{id}", "replacedBy": None, "retiresAt": None}),
    Row("POST /api-keys/{id}/rotate", 201, given.api_key(), body={"overlapSeconds": 0}, shape=shapes.ISSUED_API_KEY,
        shows={"replaces": "{id}"}, why="without overlap"),
    Row("POST /api-keys/{id}/rotate", 409, given.rotated_api_key(), body={}, code="CONFLICT", why="rotated"),
    Row("POST /api-keys/{id}/rotate", 409, given.revoked_api_key(), body={}, code="CONFLICT", why="revoked"),
    *refused("POST /api-keys/{id}/rotate", {}, [
        ("overlapSeconds", -1), ("overlapSeconds", 2_592_001), ("overlapSeconds", "1"), ("overlapSeconds", 1.5)],
        given=given.api_key()),
    Row("GET /api-keys/{id}", 200, given.rotated_api_key(), shape=shapes.API_KEY, shows={"replacedBy": "{successorId}"},
        why="rotated"),
    Row("GET /api-keys", 200, given.api_key(), shape=shapes.page_of(shapes.API_KEY)),
    Row("GET /api-keys/{id}", 200, given.api_key(), shape=shapes.API_KEY, shows={"id": "{id}"}),
    Row("DELETE /api-keys/{id}", 204, given.api_key()),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_api_keys(row, api):
    row.check(api)


def test_a_new_key_is_audited(api):
    made = api.api_key()
    assert api.send("DELETE", f"/api-keys/{made['id']}").status_code == 204
    page = api.get("/audit-events", params={"resourceId": made["id"]}).json()["data"]
    actions = [event["action"] for event in page]
    assert len(actions) == 2 and all(action.startswith("apiKey.") or action.startswith("api-key.")
                                     or action.startswith("api_key.") for action in actions), actions  # fmt: skip
    assert rest.REQUEST_ID.fullmatch(page[0]["requestId"])
