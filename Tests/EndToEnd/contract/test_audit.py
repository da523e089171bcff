"""The audit log through REST: a line for every change, with who, what, before and after, and no secret."""

import json
import uuid

import pytest

from harness import given, rest, shapes
from harness.contract import Row

ROWS = [
    Row("GET /audit-events", 200, given.machine(), shape=shapes.page_of(shapes.AUDIT_EVENT)),
    Row("GET /audit-events", 200, given.license(), query={"resourceId": "{id}"},
        shape=shapes.page_of(shapes.AUDIT_EVENT), why="of one license"),
    Row("GET /audit-events", 400, query={"resourceId": "nobody"}, issues=[("resourceId",)]),
    Row("GET /audit-events", 400, query={"action": "x" * 65}, issues=[("action",)], why="action"),
    Row("GET /audit-events", 400, query={"actorId": ""}, issues=[("actorId",)], why="actor"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_audit(row, api):
    row.check(api)


def lines(api, **query):
    """The matching lines, oldest first."""
    page = api.get("/audit-events", params={"limit": 100} | query).json()
    assert not page["pagination"]["hasMore"]
    return page["data"][::-1]


def test_every_change_has_its_line(api):
    """The life of everything that can be changed, and the log that it leaves."""
    address = f"{uuid.uuid4().hex[:12]}@studio.example"
    made = {
        "product": given.product()(api)["id"],
        "entitlement": given.entitlement()(api)["id"],
        "customer": given.customer(email=address)(api)["id"],
    }
    for kind, identifier in made.items():
        path = f"/{kind}s/{identifier}"
        rest.expect_data(api.send("PATCH", path, json={"name": "Changed"}))
        assert api.send("DELETE", path).status_code == 204
        events = lines(api, resourceId=identifier)
        assert [one["action"] for one in events] == [f"{kind}.{verb}" for verb in ("create", "update", "delete")]
        created, updated, deleted = events
        assert created["before"] is None and created["after"]["id"] == identifier
        assert updated["before"]["name"] != "Changed" and updated["after"]["name"] == "Changed"
        assert deleted["before"]["name"] == "Changed" and deleted["after"] is None
        for event in events:
            assert event["resourceType"] == kind and event["actor"]["kind"] == "apiKey"
            assert event["clientAddress"] == "127.0.0.1" and rest.REQUEST_ID.fullmatch(event["requestId"])


def test_a_license_leaves_all_its_deeds_and_reasons(api):
    names = given.license(do=[("suspend", {"reason": "unpaid"}), "reinstate", "revoke"])(api)
    assert api.send("DELETE", f"/licenses/{names['id']}").status_code == 204
    events = lines(api, resourceId=names["id"])
    expected = ["create", "suspend", "reinstate", "revoke", "delete"]
    assert [one["action"] for one in events] == [f"license.{verb}" for verb in expected]
    assert events[1]["reason"] == "unpaid" and events[1]["after"]["status"] == "suspended"
    assert events[2]["reason"] is None


def test_the_actor_is_the_one_who_asked(api):
    made = api.api_key()
    with rest.Api(api.deployment, made["key"]) as client:
        names = given.license()(client)
    assert [one["actor"] for one in lines(api, resourceId=names["id"])] == [{"kind": "apiKey", "id": made["id"]}]
    assert names["id"] in [one["resourceId"] for one in lines(api, actorId=made["id"])]
    body = {"fingerprint": names["fingerprint"]}
    headers = {"authorization": f"License {names['key']}"}
    machine = rest.expect_data(api.post("/machines", body, headers=headers), 201)
    [event] = lines(api, resourceId=machine["id"])
    assert event["action"] == "machine.activate"
    assert event["actor"] == {"kind": "licenseKey", "id": names["id"]}


def test_no_key_is_in_the_log(api):
    names = given.license()(api)
    made = api.api_key()
    for identifier, secret in [(names["id"], names["key"]), (made["id"], made["key"])]:
        events = lines(api, resourceId=identifier)
        assert events and secret not in json.dumps(events)


def test_what_is_refused_leaves_no_line(api):
    names = given.license(do=["revoke"])(api)
    rest.expect_error(api.post(f"/licenses/{names['id']}/suspend"), 409)
    assert len(lines(api, resourceId=names["id"])) == 2


def test_the_log_is_paged_and_filtered_by_action(api):
    names = given.license(do=["suspend"])(api)
    [event] = [one for one in api.get("/audit-events", params={"action": "license.suspend", "limit": 5}).json()["data"]
               if one["resourceId"] == names["id"]]  # fmt: skip
    page = api.get("/audit-events", params={"resourceId": names["id"], "limit": 1}).json()
    assert page["data"] == [event] and page["pagination"] == {"nextCursor": event["id"], "hasMore": True}
    query = {"resourceId": names["id"], "limit": 1, "cursor": event["id"]}
    page = api.get("/audit-events", params=query).json()
    assert page["data"][0]["action"] == "license.create"
    assert page["pagination"] == {"nextCursor": None, "hasMore": False}
