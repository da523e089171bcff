"""What every endpoint owes: rows derived from the OpenAPI document, and the proof that no row is missing."""

import collections
import importlib
import pathlib

import pytest

from harness import given, openapi, rest, users
from harness.contract import ABSENT, NOTHING, Row, nothing

BODY_BYTES_MAX = 1 << 20

ENDPOINTS = openapi.endpoints()

# Endpoints whose state or references can be in the way; every POST and PATCH with a body has 409 besides, for
# an Idempotency-Key that was used for another body (test_idempotency.py).
CONFLICTS = {
    *[f"POST /licenses/{{id}}/{action}" for action in ("suspend", "reinstate", "revoke", "renew", "ban")],
    "DELETE /products/{id}", "DELETE /policies/{id}", "POST /machines", "POST /machines/{id}/heartbeat",
    "POST /licenses/{id}/checkout",
    "POST /license-files/request", "POST /signing-keys/{id}/retire", "POST /signing-root",
    "POST /signing-root/succession",
    "PATCH /api-keys/{id}", "POST /api-keys/{id}/rotate", "POST /response-signing-keys",
    "POST /response-signing-keys/{id}/promote", "DELETE /response-signing-keys/{id}",
    *[f"POST /api/dashboard/{path}" for path in (
        "invitations", "me/second-factor", "me/second-factor/confirm", "me/recovery-codes")],
    "DELETE /api/dashboard/me/second-factor", "DELETE /api/dashboard/users/{id}/second-factor",
    "POST /webhooks/{id}/rotate-secret",
    "POST /webhooks/{id}/redeliver", "POST /webhooks/{id}/recover",
    "POST /webhooks/{id}/deliveries/{deliveryId}/redeliver", "POST /webhooks/{id}/deliveries/{deliveryId}/cancel",
}  # fmt: skip
RULES = {
    "POST /products", "PATCH /products/{id}", "POST /policies", "POST /licenses", "PATCH /licenses/{id}",
    "POST /licenses/{id}/reinstate", "POST /licenses/{id}/renew", "POST /licenses/{id}/entitlements",
    "POST /policies/{id}/entitlements", "POST /licenses/bulk", "POST /machines", "POST /entitlements",
    "PATCH /entitlements/{id}", "POST /customers", "PATCH /customers/{id}", "POST /licenses/{id}/reveal-key",
    "POST /licenses/{id}/checkout", "POST /license-files/request", "POST /signing-keys/rotate",
    "POST /api/dashboard/users/{id}/password-reset", "DELETE /api/dashboard/users/{id}/second-factor",
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

# What a body must have to be looked at, whatever the path names.
NEEDED_FIELDS = {
    "POST /licenses/{id}/checkout": {"fingerprint": "a fingerprint of nobody"},
    "POST /webhooks/{id}/redeliver": {"from": "2026-01-01T00:00:00.000Z"},
    "POST /webhooks/{id}/recover": {"since": "2026-01-01T00:00:00.000Z"},
}


def derived(endpoint):
    """The rows that follow from what the document says of an endpoint."""
    name = endpoint.name
    # Nothing of it is there, but for what a body may name.
    path_ready = given.both(
        given.entitlement() if name in WORKING_BODIES else nothing,
        lambda api: {"id": ABSENT, "key": "LIC-0000-0000-0000-0000", "deliveryId": ABSENT},
    )
    needed = NEEDED_FIELDS.get(name, {}) if endpoint.has_json_body else NOTHING
    body = WORKING_BODIES.get(name, needed)
    if not endpoint.is_public:
        yield Row(name, 401, path_ready, body=body, by="nobody", why="without a credential")
        yield Row(name, 401, path_ready, body=body, by="nobody", why="unknown API key",
                  headers={"authorization": "Bearer lk_test_" + "0" * 36})  # fmt: skip
    if not endpoint.takes_license_key and not endpoint.is_public:
        yield Row(name, 401, path_ready, body=body, by="license key", why="a license key")
    if endpoint.takes_session:
        yield Row(name, 401, path_ready, body=body, by="nobody", why="a session that has ended",
                  headers={"cookie": f"{users.COOKIE}={'A' * 43}"} | users.OURS)  # fmt: skip
    if endpoint.names_one:
        by = "live api key" if name in LIVE_ONLY else "api key"
        yield Row(name, 404, path_ready, body=body, by=by, code="NOT_FOUND", why="absent")
        yield Row(name, 400, lambda api: {"id": "nobody", "deliveryId": ABSENT}, body=needed,
                  issues=[("id",)], why="bad id")  # fmt: skip
    if endpoint.is_list:
        for query in ({"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"limit": "-1"}, {"cursor": "nobody"}):
            yield Row(name, 400, path_ready, query=query, issues=[tuple(query)], why=f"{query}")


DERIVED = [row for endpoint in ENDPOINTS for row in derived(endpoint)]
WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.has_json_body]
SCOPED = [endpoint for endpoint in ENDPOINTS if endpoint.scope]
# The feed, which begins with the oldest, and the lists below a resource are read in tests of their own.
LISTS = [one for one in ENDPOINTS if one.is_list and "{" not in one.path and one.path != "/events"]


def name_of(endpoint):
    return endpoint.name


@pytest.mark.parametrize("row", DERIVED, ids=str)
def test_derived(row, api):
    row.check(api)


def filled(endpoint):
    """The path with an id and a key in it."""
    path = endpoint.path.replace("{id}", ABSENT).replace("{deliveryId}", ABSENT)
    return path.replace("{key}", "LIC-0000-0000-0000-0000")


@pytest.fixture(scope="module")
def others(deployment, api):
    """A client for each scope, whose key has all scopes but that one."""
    scopes = {endpoint.scope for endpoint in SCOPED if not endpoint.is_for_users}
    clients = {
        scope: rest.Api(deployment, api.api_key(scopes=sorted(scopes - {scope}))["key"])
        for scope in scopes
    }
    yield clients
    for client in clients.values():
        client.client.close()


@pytest.fixture(scope="module")
def reader(api):
    """A user who may do nothing to API keys and other users."""
    with api.owner.invite("read-only") as one:
        yield one


@pytest.mark.parametrize("endpoint", SCOPED, ids=name_of)
def test_another_scope_does_not_do(endpoint, others, reader):
    options = {"json": {}} if endpoint.has_json_body else {}
    client = reader if endpoint.is_for_users else others[endpoint.scope]
    refused = client.send(endpoint.method, filled(endpoint), **options)
    assert rest.expect_error(refused, 403)["code"] == "FORBIDDEN"


@pytest.fixture(scope="module")
def credential(api):
    """The credential that an endpoint takes, as a header."""
    key = given.license()(api)["key"]
    session = {"cookie": f"{users.COOKIE}={api.owner.token}"} | users.OURS
    return lambda endpoint: (
        session
        if endpoint.is_for_users
        else {"authorization": f"Bearer {api.key}" if endpoint.takes_api_key else f"License {key}"}
    )


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
def test_bodies(endpoint, api, credential):
    """Broken JSON, another media type, and too many bytes."""
    headers = credential(endpoint) | {"content-type": "application/json"}

    def send(content, **more):
        return api.client.request(endpoint.method, rest.whole(filled(endpoint)), content=content, headers=headers | more)

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
        "/webhooks": lambda: given.webhook()(api)["id"],
        "/audit-events": lambda: given.customer()(api)["id"] and None,
        "/api/dashboard/users": lambda: given.user()(api)["id"],
        "/api/dashboard/sessions": lambda: given.session()(api)["id"],
        "/api/dashboard/invitations": lambda: given.invitation()(api)["id"],
    }
    # One more than is looked at, so that there is always another page.
    made = [one for one in [makers[endpoint.path]() for _ in range(4)] if one][-3:]
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
    # There is one root, so its rows are one test.
    signing = importlib.import_module("EndToEnd.contract.test_signing")
    for row in [*signing.BEFORE, *signing.BEHIND]:
        shown[row.endpoint].add(row.status)
    shown["POST /signing-root"].add(201)
    shown["POST /signing-root/succession"] |= {200, 409}
    shown["POST /signing-keys/rotate"].add(422)
    # Streams of CSV have tests and not rows.
    shown["POST /licenses/import"] |= {200, 400, 415, 422}
    shown["GET /licenses/export"] |= {200}
    # So has the stream of events.
    shown["GET /events/stream"] |= {200, 400, 401}

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
