"""API keys: each endpoint and each status it can give. What they may do is in ../test_credentials.py."""

import pytest

from harness import rest, shapes
from harness.contract import Row, refused

NEW = {"name": "build server"}


def api_key(api):
    made = api.api_key()
    return {"id": made["id"]}


ROWS = [
    Row("POST /api-keys", 201, body=NEW, shape=shapes.ISSUED_API_KEY,
        shows={"environment": "test", "fullAccess": True, "scopes": [], "expiresAt": None, "revokedAt": None}),
    Row("POST /api-keys", 201, body=NEW | {"scopes": ["licenses:read"], "expiresAt": "2099-01-01T00:00:00.000Z"},
        shape=shapes.ISSUED_API_KEY, shows={"fullAccess": False, "scopes": ["licenses:read"]}, why="scoped"),
    *refused("POST /api-keys", NEW, [
        ("name", ""), ("name", "x" * 256), ("name", None), ("scopes", "all"), ("scopes", [""], "scopes", 0),
        ("scopes", ["x:y"] * 65), ("expiresAt", "tomorrow"), ("environment", "staging")]),
    Row("GET /api-keys", 200, api_key, shape=shapes.page_of(shapes.API_KEY)),
    Row("GET /api-keys/{id}", 200, api_key, shape=shapes.API_KEY, shows={"id": "{id}"}),
    Row("DELETE /api-keys/{id}", 204, api_key),
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
