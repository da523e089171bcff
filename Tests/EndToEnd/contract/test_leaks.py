"""Reports of leaked keys: what they do, and that they tell nothing of whose the key is."""

import contextlib
import uuid
import zlib

import pytest

from harness import given, processes, rest, shapes, topology
from harness.contract import Row, refused

API_KEYS = "POST /leaks/api-keys"
LICENSE_KEYS = "POST /leaks/license-keys"
SHAPE = {
    "kind": shapes.one_of("apiKey", "licenseKey", "unknown"),
    "action": shapes.one_of("alerted", "retiring", "revoked", "suspended", "none"),
}
NO_KEY = {"kind": "unknown", "action": "none"}
BAD_FIELDS = [
    ("secret", ""),
    ("secret", None),
    ("secret", 5),
    ("secret", "x" * 256),
    ("source", 5),
    ("source", "x" * 1001),
]


def api_key(api):
    return {"key": api.api_key()["key"]}


def revoked(api):
    made = api.api_key()
    assert api.send("DELETE", f"/api-keys/{made['id']}").status_code == 204
    return {"key": made["key"]}


REPORT = {"secret": "{key}", "source": "https://paste.example/1"}

ROWS = [
    Row(API_KEYS, 200, api_key, body=REPORT, by="nobody", shape=SHAPE,
        shows={"kind": "apiKey", "action": "revoked"}),
    Row(API_KEYS, 200, revoked, body=REPORT, by="nobody", shape=SHAPE,
        shows={"kind": "apiKey", "action": "none"}, why="revoked"),
    Row(API_KEYS, 200, body={"secret": "lk_live_" + "0" * 36}, by="nobody", shape=SHAPE, shows=NO_KEY,
        why="bad checksum"),
    Row(API_KEYS, 200, given.license(), body=REPORT, by="nobody", shape=SHAPE, shows=NO_KEY, why="a license key"),
    Row(API_KEYS, 400, body={}, by="nobody", issues=[("secret",)], why="empty"),
    *refused(API_KEYS, {"secret": "x"}, BAD_FIELDS, by="nobody"),
    Row(LICENSE_KEYS, 200, given.license(), body=REPORT, by="nobody", shape=SHAPE,
        shows={"kind": "licenseKey", "action": "alerted"}),
    Row(LICENSE_KEYS, 200, given.license(do=["ban"]), body={"secret": "{key}"}, by="nobody", shape=SHAPE,
        shows={"kind": "licenseKey", "action": "none"}, why="banned"),
    Row(LICENSE_KEYS, 200, body={"secret": "LIC-0000-0000-0000-0000"}, by="nobody", shape=SHAPE, shows=NO_KEY,
        why="unknown"),
    Row(LICENSE_KEYS, 400, body={}, by="nobody", issues=[("secret",)], why="empty"),
    *refused(LICENSE_KEYS, {"secret": "x"}, BAD_FIELDS, by="nobody"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_leaks(row, api):
    row.check(api)


def test_a_reported_api_key_stops_working(deployment, api):
    key = api.api_key()["key"]
    with rest.Api(deployment, key) as client:
        assert client.get("/products").status_code == 200
        rest.expect_data(client.post("/leaks/api-keys", {"secret": key}))
        # What the gateway remembers of the key lives half a second.
        processes.poll(lambda: client.get("/products").status_code == 401, 1, "the key is refused")


def test_where_leaked_keys_are_to_be_replaced_their_owner_has_time_to(deployment, api):
    """The policy `rotate`: the reporter is told no secret, and whoever has found the key cannot make one that stays."""
    settings = {"LATCHKEY_LEAKED_API_KEYS": "rotate", "LATCHKEY_LEAKED_API_KEYS_OVERLAP_SECONDS": "3"}
    with contextlib.ExitStack() as stack:
        keys = topology.Replica(deployment, "keys", **settings)
        stack.callback(keys.stop)
        front = stack.enter_context(topology.gateway(deployment, LATCHKEY_KEYS_ADDRESS=keys.address))
        made = api.api_key()
        leaked = stack.enter_context(rest.Api(deployment, made["key"], url=front.url))
        assert leaked.get("/products").status_code == 200
        answer = rest.expect_data(leaked.post("/leaks/api-keys", {"secret": made["key"]}))
        assert answer == {"kind": "apiKey", "action": "retiring"}
        assert leaked.get("/products").status_code == 200
        refused = rest.expect_error(leaked.post("/api-keys", {"name": "mine now"}), 403)
        assert "keys:write" in refused["error"]
        rest.expect_error(leaked.post(f"/api-keys/{made['id']}/rotate", {}), 403)
        shown = rest.expect_data(api.get(f"/api-keys/{made['id']}"))
        assert shown["leakedAt"] and shown["retiresAt"] > shown["leakedAt"] and shown["expiresAt"] is None
        # Its owner, who has another key, makes the successor, which has nothing of the leak.
        new = rest.expect_data(api.post(f"/api-keys/{made['id']}/rotate", {}), 201)
        assert new["leakedAt"] is None and new["retiresAt"] is None and new["expiresAt"] is None
        processes.poll(lambda: leaked.get("/products").status_code == 401, 5, "the leaked key has stopped")
        leaked.key = new["key"]
        assert leaked.get("/products").status_code == 200


def test_the_owner_sees_the_report_and_no_log_the_key(deployment, api):
    made = given.license()(api)
    mark = uuid.uuid4().hex
    report = {"secret": made["key"], "source": f"{mark} {made['key']}"}
    for _ in range(3):
        answer = api.client.request("POST", "/api/v1/leaks/license-keys", json=report)
        assert rest.expect_data(answer)["action"] == "alerted"
    events = api.get("/audit-events", params={"resourceId": made["id"]}).json()["data"]
    leaks = [event for event in events if event["action"] == "license.leak"]
    assert [event["reason"] for event in leaks] == [f"{mark} <redacted>"]
    assert leaks[0]["actor"] == {"kind": "anonymous", "id": None}
    assert made["key"] not in str(events)
    # What is refused is logged too, and the key with none of it.
    refused = api.client.request("POST", "/api/v1/leaks/license-keys", json=report | {"source": 5})
    rest.expect_error(refused, 400)
    logs = [deployment.log, *(deployment.data_directory / "logs").iterdir()]
    assert len(logs) > 3
    assert not [log for log in logs if made["key"] in log.read_text(errors="replace")]


def test_reports_are_counted_by_address(deployment):
    with topology.gateway(deployment, LATCHKEY_RATE_LIMITS="on", LATCHKEY_RATE_LIMIT_PUBLIC="3") as strict:
        with rest.Api(deployment, None, url=strict.url) as client:
            for path in ("api-keys", "license-keys", "api-keys"):
                rest.expect_data(client.post(f"/leaks/{path}", {"secret": "x"}))
            rest.expect_error(client.post("/leaks/api-keys", {"secret": "x"}), 429)


def test_the_checksum_is_as_scanners_are_told(api):
    """The function in Services/Keys/leaks/README.md."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    key = api.api_key()["key"]
    stated = 0
    for character in key[-6:]:
        stated = stated * 62 + digits.index(character)
    assert stated == zlib.crc32(key[:-6].encode())
