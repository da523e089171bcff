"""Webhooks, deliveries and the feed of events: each endpoint and each status it can give."""

import json

import pytest

from harness import given, receiver, rest, shapes, users
from harness.contract import ABSENT, Row, refused

URL = receiver.NOBODY
HOOK = {"url": URL, "events": ["webhook.disabled"]}
GONE = given.deleted(given.webhook(), "/webhooks")
DISABLED = given.webhook(status="disabled")
SPAN = {"from": "2026-01-01T00:00:00.000Z"}
SINCE = {"since": "2026-01-01T00:00:00.000Z"}
MISSING = given.both(given.webhook(), lambda api: {"deliveryId": ABSENT})


def rotated(api):
    made = given.webhook()(api)
    rest.expect_data(api.post(f"/webhooks/{made['id']}/rotate-secret", {}))
    return made


def cancelled(api):
    made = given.delivery()(api)
    rest.expect_data(api.post(f"/webhooks/{made['id']}/deliveries/{made['deliveryId']}/cancel"))
    return made


def of_disabled(api):
    made = given.delivery()(api)
    rest.expect_data(api.send("PATCH", f"/webhooks/{made['id']}", json={"status": "disabled"}))
    return made


BAD_FIELDS = [
    ("url", "nothing"),
    ("url", "https://10.0.0.1/hook"),
    ("url", "https://169.254.169.254/latest/meta-data"),
    ("url", "https://[::ffff:192.168.0.1]/hook"),
    ("url", "https://user:password@hooks.example/"),
    ("url", ""),
    ("url", None),
    ("events", []),
    ("events", ["license.exploded"], "events", 0),
    ("events", "license.created"),
    ("description", "x" * 1001),
    ("productIds", ["nobody"], "productIds", 0),
    ("licenseMetadata", []),
    ("licenseMetadata", {"x": "y" * 4096}),
    ("apiVersion", "v9"),
    ("ordering", "shuffled"),
    ("signatureScheme", "none"),
    ("caBundle", "no certificate"),
    ("maxConcurrency", 0),
    ("maxPerSecond", 0),
    ("status", "asleep"),
]

DELIVERIES = "/webhooks/{id}/deliveries"
ONE = DELIVERIES + "/{deliveryId}"

ROWS = [
    Row("POST /webhooks", 201, body=HOOK, shape=shapes.NEW_WEBHOOK,
        shows={"url": URL, "events": ["webhook.disabled"], "status": "enabled", "deletedAt": None}),
    Row("POST /webhooks", 201, body={"url": URL, "productIds": [ABSENT]}, shape=shapes.NEW_WEBHOOK,
        shows={"events": ["*"], "ordering": "parallel", "signatureScheme": "timestamped"}, why="everything"),
    *refused("POST /webhooks", HOOK, [row for row in BAD_FIELDS if row != ("url", None)]),
    Row("GET /webhooks", 200, given.webhook(), shape=shapes.page_of(shapes.WEBHOOK)),
    Row("GET /webhooks/{id}", 200, given.webhook(), shape=shapes.WEBHOOK, shows={"id": "{id}"}),
    Row("GET /webhooks/{id}", 404, GONE, why="deleted"),
    Row("PATCH /webhooks/{id}", 200, given.webhook(), body={"description": "Shop"}, shape=shapes.WEBHOOK,
        shows={"description": "Shop", "url": URL}),
    Row("PATCH /webhooks/{id}", 200, given.webhook(description="Shop"), body={"description": None},
        shows={"description": None}, why="null clears"),
    Row("PATCH /webhooks/{id}", 200, given.webhook(), body={"status": "disabled"},
        shows={"status": "disabled", "disabledReason": "manual"}, why="disable"),
    Row("PATCH /webhooks/{id}", 200, DISABLED, body={"status": "enabled"},
        shows={"status": "enabled", "disabledReason": None, "disabledAt": None}, why="enable"),
    Row("PATCH /webhooks/{id}", 404, GONE, body={"description": "B"}, why="deleted"),
    *refused("PATCH /webhooks/{id}", {}, BAD_FIELDS, given.webhook()),
    Row("DELETE /webhooks/{id}", 204, given.webhook()),
    Row("DELETE /webhooks/{id}", 404, GONE, why="twice"),
    Row("POST /webhooks/{id}/test", 200, given.webhook(), body={}, shows={"succeeded": False}),
    Row("POST /webhooks/{id}/test", 200, given.webhook(), body={"eventType": "machine.dead"},
        shows={"eventType": "machine.dead"}, why="of a type"),
    Row("POST /webhooks/{id}/test", 400, given.webhook(), body={"eventType": "*"}, issues=[("eventType",)]),
    Row("POST /webhooks/{id}/rotate-secret", 200, given.webhook(), body={}, shape=shapes.NEW_WEBHOOK),
    Row("POST /webhooks/{id}/rotate-secret", 200, rotated, body={"overlapSeconds": 0},
        shows={"previousSecretExpiresAt": None}, why="both at once"),
    Row("POST /webhooks/{id}/rotate-secret", 409, rotated, body={}, code="CONFLICT"),
    Row("POST /webhooks/{id}/rotate-secret", 400, given.webhook(), body={"overlapSeconds": -1},
        issues=[("overlapSeconds",)]),
    Row(f"GET {DELIVERIES}", 200, given.delivery(), shape=shapes.page_of(shapes.DELIVERY)),
    Row(f"GET {DELIVERIES}", 200, given.delivery(), query={"status": "failed"}, why="dead letters"),
    Row(f"GET {DELIVERIES}", 400, given.webhook(), query={"status": "lost"}, issues=[("status",)]),
    Row(f"GET {ONE}", 200, given.delivery(), shape=shapes.DELIVERY_IN_FULL,
        shows={"id": "{deliveryId}", "webhookId": "{id}", "eventType": "license.created"}),
    Row(f"GET {ONE}", 404, MISSING, why="no such delivery"),
    Row(f"POST {ONE}/redeliver", 200, given.delivery(), shows={"status": "pending", "attempt": 0}),
    Row(f"POST {ONE}/redeliver", 200, cancelled, shows={"status": "pending"}, why="cancelled"),
    Row(f"POST {ONE}/redeliver", 404, MISSING, why="no such delivery"),
    Row(f"POST {ONE}/redeliver", 409, of_disabled, code="CONFLICT"),
    Row(f"POST {ONE}/cancel", 200, given.delivery(), shows={"status": "cancelled", "nextAttemptAt": None}),
    Row(f"POST {ONE}/cancel", 404, MISSING, why="no such delivery"),
    Row(f"POST {ONE}/cancel", 409, cancelled, code="CONFLICT"),
    Row("POST /webhooks/{id}/redeliver", 200, given.webhook(), body=SPAN, shows={"count": 0, "hasMore": False}),
    Row("POST /webhooks/{id}/redeliver", 200, cancelled, body=SPAN, shows={"count": 1}, why="one"),
    Row("POST /webhooks/{id}/redeliver", 400, given.webhook(), body=SPAN | {"until": SPAN["from"]},
        issues=[("until",)]),
    Row("POST /webhooks/{id}/redeliver", 409, DISABLED, body=SPAN, code="CONFLICT"),
    Row("POST /webhooks/{id}/recover", 200, cancelled, body=SINCE, shows={"count": 0}, why="not what was cancelled"),
    Row("POST /webhooks/{id}/recover", 409, DISABLED, body=SINCE, code="CONFLICT"),
    Row("GET /events", 200, given.event(), shape=shapes.FEED),
    Row("GET /events", 200, given.event(), query={"licenseId": "{licenseId}"}, shape=shapes.FEED, why="of a license"),
    Row("GET /events/{id}", 200, given.event(), shape=shapes.EVENT, shows={"id": "{id}", "type": "license.created"}),
    Row("GET /events/{id}/deliveries", 200, given.delivery(), at="eventId", shape=shapes.page_of(shapes.DELIVERY)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row(row, api):
    row.check(api)


def test_a_secret_is_in_no_answer_but_the_first(api):
    made = receiver.register(api, URL, events=["webhook.disabled"])
    shown = api.get(f"/webhooks/{made['id']}")
    listed = api.get("/webhooks", params={"limit": 100})
    log = api.get("/audit-events", params={"resourceId": made["id"]})
    for response in (shown, listed, log):
        assert made["secret"] not in response.text
    assert log.json()["data"][0]["action"] == "webhook.create"


def test_the_feed_is_read_from_a_cursor_on(api):
    """Oldest first, without gaps, and again from the last cursor when something is new."""
    license = api.license(api.catalogue())
    seen, cursor = [], None
    while True:
        query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = api.get("/events", params=query).json()
        positions = page["pagination"]
        seen += page["data"]
        if cursor and page["data"]:
            assert int(positions["nextCursor"]) == int(cursor) + len(page["data"])
        cursor = positions["nextCursor"]
        if not positions["hasMore"] and any(one["licenseId"] == license["id"] for one in seen):
            break
    assert len({one["id"] for one in seen}) == len(seen)
    rest.expect_data(api.post(f"/licenses/{license['id']}/suspend"))
    found = []
    while not found:
        page = api.get("/events", params={"cursor": cursor}).json()
        found = [one for one in page["data"] if one["licenseId"] == license["id"]]
        cursor = page["pagination"]["nextCursor"]
    assert [(one["type"], one["sequence"]) for one in found] == [("license.suspended", 2)]


@pytest.mark.parametrize(("query", "status"), [({"cursor": "nobody"}, 400), ({"cursor": "-1"}, 400)])
def test_a_stream_of_a_bad_cursor_is_refused(query, status, api):
    rest.expect_error(api.get("/events/stream", params=query), status)


@pytest.mark.parametrize("role", users.ROLES)
def test_the_stream_is_for_roles_that_read_webhooks(role, api):
    with api.owner.invite(role) as user:
        headers = users.OURS | {"cookie": f"{users.COOKIE}={user.token}"}
        with user.client.stream("GET", "/api/v1/events/stream", headers=headers) as answer:
            assert answer.status_code == (403 if role == "support" else 200)


def test_the_stream_is_of_the_test_environment(api, live_api):
    rest.expect_error(live_api.get("/events/stream"), 403)
    with api.client.stream("GET", "/api/v1/events/stream", headers={"authorization": f"Bearer {api.key}"}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = answer.iter_lines()
        # It says at once where it begins: behind that is all that happens from now on.
        begins = json.loads(next(lines))
        assert set(begins) == {"cursor"}
        license = api.license(api.catalogue())
        told = next(one for one in map(json.loads, lines) if one.get("event", {}).get("licenseId") == license["id"])
    page = api.get("/events", params={"cursor": begins["cursor"], "licenseId": license["id"]}).json()
    assert page["data"] == [told["event"]]
    assert page["pagination"]["nextCursor"] == told["cursor"]
