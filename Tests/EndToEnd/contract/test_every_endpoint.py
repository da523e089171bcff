"""What every endpoint owes: rows derived from the OpenAPI document, and the proof that no row is missing."""

import collections
import importlib
import pathlib

import pytest

from harness import given, openapi, rest
from harness.contract import ABSENT, NOTHING, Row, nothing

BODY_BYTES_MAX = 1 << 20

ENDPOINTS = openapi.endpoints()

# Endpoints whose state or references can be in the way; every POST and PATCH with a body has 409 besides, for
# an Idempotency-Key that was used for another body (test_idempotency.py).
CONFLICTS = {
    *[f"POST /licenses/{{id}}/{action}" for action in ("suspend", "reinstate", "revoke", "renew", "ban")],
    "DELETE /products/{id}", "DELETE /policies/{id}", "POST /machines", "POST /machines/{id}/heartbeat",
    "PATCH /api-keys/{id}", "POST /api-keys/{id}/rotate", "POST /response-signing-keys",
    "POST /response-signing-keys/{id}/promote", "DELETE /response-signing-keys/{id}",
}  # fmt: skip
RULES = {
    "POST /products", "PATCH /products/{id}", "POST /policies", "POST /licenses", "PATCH /licenses/{id}",
    "POST /licenses/{id}/reinstate", "POST /licenses/{id}/renew", "POST /licenses/{id}/entitlements",
    "POST /policies/{id}/entitlements", "POST /licenses/bulk", "POST /machines", "POST /entitlements",
    "PATCH /entitlements/{id}", "POST /customers", "PATCH /customers/{id}", "POST /licenses/{id}/reveal-key",
}  # fmt: skip

# What concerns the whole account takes a live API key.
LIVE_ONLY = {"POST /response-signing-keys/{id}/promote", "DELETE /response-signing-keys/{id}"}

# A body that lets a request come as far as its resource.
WORKING_BODIES = {
    "POST /licenses/{id}/entitlements": {"entitlementIds": ["{entitlementId}"]},
    "DELETE /licenses/{id}/entitlements": {"entitlementIds": ["{entitlementId}"]},
    "POST /policies/{id}/entitlements": {"entitlementIds": ["{entitlementId}"]},
    "DELETE /policies/{id}/entitlements": {"entitlementIds": ["{entitlementId}"]},
}


def derived(endpoint):
    """The rows that follow from what the document says of an endpoint."""
    name = endpoint.name
    # Nothing of it is there, but for what a body may name.
    path_ready = given.both(
        given.entitlement() if name in WORKING_BODIES else nothing,
        lambda api: {"id": ABSENT, "key": "LIC-0000-0000-0000-0000"},
    )
    body = WORKING_BODIES.get(name, {} if endpoint.has_json_body else NOTHING)
    if not endpoint.is_public:
        yield Row(name, 401, path_ready, body=body, by="nobody", why="without a credential")
        yield Row(name, 401, path_ready, body=body, by="nobody", why="unknown API key",
                  headers={"authorization": "Bearer lk_test_" + "0" * 36})  # fmt: skip
    if not endpoint.takes_license_key and not endpoint.is_public:
        yield Row(name, 401, path_ready, body=body, by="license key", why="a license key")
    if endpoint.names_one:
        by = "live api key" if name in LIVE_ONLY else "api key"
        yield Row(name, 404, path_ready, body=body, by=by, code="NOT_FOUND", why="absent")
        yield Row(name, 400, lambda api: {"id": "nobody"}, body={} if endpoint.has_json_body else NOTHING,
                  issues=[("id",)], why="bad id")  # fmt: skip
    if endpoint.is_list:
        for query in ({"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"limit": "-1"}, {"cursor": "nobody"}):
            yield Row(name, 400, query=query, issues=[tuple(query)], why=f"{query}")


DERIVED = [row for endpoint in ENDPOINTS for row in derived(endpoint)]
WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.has_json_body]
SCOPED = [endpoint for endpoint in ENDPOINTS if endpoint.scope]
LISTS = [endpoint for endpoint in ENDPOINTS if endpoint.is_list]


def name_of(endpoint):
    return endpoint.name


@pytest.mark.parametrize("row", DERIVED, ids=str)
def test_derived(row, api):
    row.check(api)


def filled(endpoint):
    """The path with an id and a key in it."""
    return endpoint.path.replace("{id}", ABSENT).replace("{key}", "LIC-0000-0000-0000-0000")


@pytest.fixture(scope="module")
def others(deployment, api):
    """A client for each scope, whose key has all scopes but that one."""
    scopes = {endpoint.scope for endpoint in SCOPED}
    clients = {
        scope: rest.Api(deployment, api.api_key(scopes=sorted(scopes - {scope}))["key"])
        for scope in scopes
    }
    yield clients
    for client in clients.values():
        client.client.close()


@pytest.mark.parametrize("endpoint", SCOPED, ids=name_of)
def test_another_scope_does_not_do(endpoint, others):
    options = {"json": {}} if endpoint.has_json_body else {}
    refused = others[endpoint.scope].send(endpoint.method, filled(endpoint), **options)
    assert rest.expect_error(refused, 403)["code"] == "FORBIDDEN"


@pytest.fixture(scope="module")
def credential(api):
    """The credential that an endpoint takes, as a header."""
    key = given.license()(api)["key"]
    return lambda endpoint: {
        "authorization": f"Bearer {api.key}" if endpoint.takes_api_key else f"License {key}"
    }


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
def test_bodies(endpoint, api, credential):
    """Broken JSON, another media type, and too many bytes."""
    headers = credential(endpoint) | {"content-type": "application/json"}

    def send(content, **more):
        url = f"/api/v1{filled(endpoint)}"
        return api.client.request(endpoint.method, url, content=content, headers=headers | more)

    for content in (b"{", b"[]", b'"x"', b'{"a": NaN}', b'{"a": 1, "a": 2}'):
        assert rest.expect_error(send(content), 400)["code"] == "VALIDATION_ERROR", content
    rest.expect_error(send(b"a=b", **{"content-type": "application/x-www-form-urlencoded"}), 415)
    rest.expect_error(send(b'{"name": "' + b"x" * BODY_BYTES_MAX + b'"}'), 413)


@pytest.mark.parametrize("endpoint", LISTS, ids=name_of)
def test_lists_page_through_everything_once(endpoint, api):
    """In pages of one, newest first, each item once, until the last page says so."""
    makers = {
        "/api-keys": lambda: api.api_key()["id"],
        "/licenses": lambda: given.license()(api)["id"],
        "/machines": lambda: given.machine()(api)["id"],
        "/products": lambda: given.product()(api)["id"],
        "/policies": lambda: given.policy()(api)["id"],
        "/entitlements": lambda: given.entitlement()(api)["id"],
        "/customers": lambda: given.customer()(api)["id"],
        "/audit-events": lambda: given.customer()(api)["id"] and None,
    }
    made = [one for one in [makers[endpoint.path]() for _ in range(3)] if one]
    newest = api.get(endpoint.path, params={"limit": 3}).json()["data"]
    if made:
        assert [one["id"] for one in newest] == made[::-1]
    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = api.get(endpoint.path, params=query).json()
        assert len(page["data"]) == 1
        assert page["pagination"] == {"nextCursor": page["data"][0]["id"], "hasMore": True}
        seen += page["data"]
        cursor = page["pagination"]["nextCursor"]
    assert [one["id"] for one in seen] == [one["id"] for one in newest]
    # After the oldest of all there is nothing more.
    default = api.get(endpoint.path).json()
    assert len(default["data"]) <= 25
    page = default
    while page["pagination"]["hasMore"]:
        cursor = page["pagination"]["nextCursor"]
        assert cursor == page["data"][-1]["id"]
        page = api.get(endpoint.path, params={"limit": 100, "cursor": cursor}).json()
    assert page["pagination"] == {"nextCursor": None, "hasMore": False}


def tables():
    """Every row of this folder."""
    for file in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
        if file != pathlib.Path(__file__):
            yield from getattr(importlib.import_module(f"EndToEnd.contract.{file.stem}"), "ROWS", [])
    yield from DERIVED


def test_no_row_is_missing():
    """Each endpoint of the OpenAPI document has a row for each status that it can give."""
    shown = collections.defaultdict(set)
    for row in tables():
        shown[row.endpoint].add(row.status)
    # Those that a test of their own shows for every endpoint of the kind.
    for endpoint in SCOPED:
        shown[endpoint.name].add(403)
    for endpoint in WITH_BODY:
        shown[endpoint.name] |= {400, 413, 415}
    # Streams of CSV have tests and not rows.
    shown["POST /licenses/import"] |= {200, 400, 415, 422}
    shown["GET /licenses/export"] |= {200}

    missing = []
    for endpoint in ENDPOINTS:
        wanted = {endpoint.success}
        wanted |= set() if endpoint.is_public else {401}
        wanted |= {403} if endpoint.scope else set()
        wanted |= {404} if endpoint.parameters("path") else set()
        wanted |= {400} if endpoint.parameters("path") or endpoint.parameters("query") else set()
        wanted |= {400, 413, 415} if endpoint.has_json_body else set()
        wanted |= {409} if endpoint.name in CONFLICTS else set()
        wanted |= {422} if endpoint.name in RULES else set()
        missing += [f"{endpoint.name} {status}" for status in sorted(wanted - shown[endpoint.name])]
        undocumented = shown[endpoint.name] - endpoint.statuses
        assert not undocumented, f"{endpoint.name}: {undocumented}"
    assert not missing, missing
    unknown = set(shown) - {endpoint.name for endpoint in ENDPOINTS}
    assert not unknown, unknown
    assert CONFLICTS | RULES <= set(shown)
