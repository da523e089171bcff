"""Machines: each endpoint and each status it can give; seats, heartbeats, uniqueness, floating leases."""

import pytest

from harness import given, rest, shapes
from harness.contract import ABSENT, Row, refused

NEW = {"fingerprint": "{fingerprint}"}
OF = {"fingerprint": "{fingerprint}", "licenseId": "{licenseId}"}
PLAIN = {
    "name": None, "platform": None, "hostname": None, "ipAddress": "127.0.0.1", "cores": None,
    "heartbeatStatus": "NOT_STARTED", "lastHeartbeatAt": None, "heartbeatDueAt": None,
    "metadata": {}, "deletedAt": None,
}  # fmt: skip
FULL = {
    "name": "atelier-01", "platform": "linux", "hostname": "atelier-01.local", "cores": 8,
    "metadata": {"rack": 4},
}  # fmt: skip
LICENSE_KEY = {"by": "license key"}
BY_KEY_AND_ROW = [("api key", OF), ("license key", NEW)]
GONE = given.deleted(given.machine(), "/machines")
FULL_HOUSE = given.both(given.license({"maxMachines": 1}, machines=1), lambda api: {"fingerprint": given.fingerprint()})
FULL_FLOAT = given.both(given.license({"maxMachines": 1, "floating": True}, machines=1),
                        lambda api: {"fingerprint": given.fingerprint()})  # fmt: skip

BAD_TEXTS = [
    ("name", "x" * 256),
    ("name", 5),
    ("platform", "beos"),
    ("platform", "LINUX"),
    ("hostname", "x" * 256),
    ("cores", 0),
    ("cores", 1000001),
    ("cores", "8"),
    ("metadata", []),
    ("metadata", {"x": "y" * 65536}),
]
BAD_FIELDS = BAD_TEXTS + [
    ("fingerprint", "short"),
    ("fingerprint", "x" * 257),
    ("fingerprint", None),
    ("fingerprint", 12345678),
]

ROWS = [
    *[Row("POST /machines", 201, given.license(), body=body, by=by, shape=shapes.MACHINE, shows=PLAIN | {
        "licenseId": "{licenseId}", "fingerprint": "{fingerprint}"}, why=by) for by, body in BY_KEY_AND_ROW],
    *[Row("POST /machines", 201, given.license(), body=body | FULL, by=by, shape=shapes.MACHINE, shows=FULL,
          why=f"full, {by}") for by, body in BY_KEY_AND_ROW],
    *[Row("POST /machines", 200, given.license(machines=1), body=body, by=by, shape=shapes.MACHINE,
          shows={"id": "{machineId}"}, why=f"again, {by}") for by, body in BY_KEY_AND_ROW],
    *[Row("POST /machines", 409, given.license(do=[action]), body=body, by=by, code=code, why=f"{code}, {by}")
      for action, code in [("suspend", "LICENSE_SUSPENDED"), ("revoke", "LICENSE_REVOKED"), ("ban", "LICENSE_BANNED")]
      for by, body in BY_KEY_AND_ROW],
    Row("POST /machines", 409, given.expired(), body=NEW, **LICENSE_KEY, code="LICENSE_EXPIRED"),
    Row("POST /machines", 422, FULL_HOUSE, body=NEW, **LICENSE_KEY, code="MACHINE_LIMIT_EXCEEDED",
        details={"max": 1, "current": 1}),
    Row("POST /machines", 422, FULL_FLOAT, body=NEW, **LICENSE_KEY, code="FLOATING_LIMIT_EXCEEDED",
        details={"max": 1, "current": 1}),
    Row("POST /machines", 201, given.both(given.license({"maxMachines": 1}, {"maxMachinesOverride": 2}, machines=1),
        lambda api: {"fingerprint": given.fingerprint()}), body=NEW, **LICENSE_KEY, why="overridden limit"),
    Row("POST /machines", 422, body={"fingerprint": "f" * 64, "licenseId": ABSENT}, code="REFERENCE_NOT_FOUND"),
    Row("POST /machines", 400, body={"fingerprint": "f" * 64}, issues=[("licenseId",)], why="whose"),
    Row("POST /machines", 401, lambda api: {"key": "LIC-0000-0000-0000-0000"}, body={"fingerprint": "f" * 64},
        **LICENSE_KEY, code="UNAUTHORIZED", why="unknown license key"),
    Row("POST /machines", 401, lambda api: {"key": "nonsense"}, body={"fingerprint": "f" * 64},
        **LICENSE_KEY, code="UNAUTHORIZED", why="no license key"),
    *refused("POST /machines", NEW, BAD_FIELDS, given.license(), by="license key"),
    *refused("POST /machines", NEW, [("licenseId", "nobody")], given.license()),
    Row("GET /machines", 200, given.machine(), shape=shapes.page_of(shapes.MACHINE)),
    Row("GET /machines", 200, given.machine(), query={"licenseId": "{licenseId}"},
        shape=shapes.page_of(shapes.MACHINE), why="of a license"),
    Row("GET /machines", 400, query={"licenseId": "nobody"}, issues=[("licenseId",)]),
    Row("GET /machines", 400, query={"fingerprint": "short"}, issues=[("fingerprint",)], why="fingerprint"),
    Row("GET /machines/{id}", 200, given.machine(), shape=shapes.MACHINE, shows={"id": "{id}"}),
    Row("GET /machines/{id}", 404, GONE, why="deactivated"),
    *[Row("PATCH /machines/{id}", 200, given.machine(), body=FULL, by=by, shape=shapes.MACHINE, shows=FULL, why=by)
      for by in ("api key", "license key")],
    Row("PATCH /machines/{id}", 200, given.machine(), body=dict.fromkeys(["name", "platform", "hostname", "cores"]),
        shows={"name": None, "platform": None, "hostname": None, "cores": None}, why="null clears"),
    Row("PATCH /machines/{id}", 200, given.machine(), body={}, shows={"fingerprint": "{fingerprint}"}, why="nothing"),
    Row("PATCH /machines/{id}", 404, GONE, body={"name": "B"}, why="deactivated"),
    *refused("PATCH /machines/{id}", {}, BAD_TEXTS, given.machine()),
    *[Row("DELETE /machines/{id}", 204, given.machine(), by=by, why=by) for by in ("api key", "license key")],
    *[Row("DELETE /machines/{id}", 204, given.machine(do=[action]), by="license key", why=f"after {action}")
      for action in ("suspend", "revoke", "ban")],
    Row("DELETE /machines/{id}", 404, GONE, why="twice"),
    Row("DELETE /machines/{id}", 404, GONE, by="license key", why="twice, license key"),
    *[Row("POST /machines/{id}/heartbeat", 200, given.machine(), by=by, shape=shapes.MACHINE,
          shows={"heartbeatStatus": "ALIVE"}, why=by) for by in ("api key", "license key")],
    *[Row("POST /machines/{id}/heartbeat", 409, given.machine(do=[action]), by="license key", code=code)
      for action, code in [("suspend", "LICENSE_SUSPENDED"), ("revoke", "LICENSE_REVOKED"), ("ban", "LICENSE_BANNED")]],
    Row("POST /machines/{id}/heartbeat", 404, GONE, by="license key", why="deactivated"),
    # Acquiring: the verdict is in the answer, as that of a validation.
    Row("POST /licenses/acquire", 200, given.license(), body=NEW | FULL, **LICENSE_KEY, shape=shapes.ACQUISITION,
        shows={"valid": True, "code": "VALID", "leaseExpiresAt": None}),
    *[Row("POST /licenses/acquire", 200, given.license(do=[action]), body=NEW, **LICENSE_KEY, shape=shapes.ACQUISITION,
          shows={"valid": False, "code": code, "machine": None}, why=code)
      for action, code in [("suspend", "SUSPENDED"), ("revoke", "REVOKED"), ("ban", "BANNED")]],
    Row("POST /licenses/acquire", 200, given.expired(), body=NEW, **LICENSE_KEY, shape=shapes.ACQUISITION,
        shows={"valid": False, "code": "EXPIRED", "machine": None}, why="EXPIRED"),
    Row("POST /licenses/acquire", 200, FULL_FLOAT, body=NEW, **LICENSE_KEY, shape=shapes.ACQUISITION,
        shows={"valid": False, "code": "MACHINE_LIMIT_EXCEEDED", "machine": None}, why="no seat"),
    Row("POST /licenses/acquire", 200, given.license(), body=NEW | {"entitlements": ["sso"]}, **LICENSE_KEY,
        shape=shapes.ACQUISITION, shows={"valid": False, "code": "ENTITLEMENTS_MISSING", "machine": None},
        why="not entitled"),
    Row("POST /licenses/acquire", 401, lambda api: {"key": "LIC-0000-0000-0000-0000"}, body={"fingerprint": "f" * 64},
        **LICENSE_KEY, code="UNAUTHORIZED", why="unknown license key"),
    *refused("POST /licenses/acquire", NEW, BAD_FIELDS + [("entitlements", [""], "entitlements", 0)],
             given.license(), by="license key"),
    Row("POST /licenses/release", 204, given.license(machines=1), body=NEW, **LICENSE_KEY),
    Row("POST /licenses/release", 204, given.license(), body=NEW, **LICENSE_KEY, why="nothing to release"),
    *[Row("POST /licenses/release", 204, given.license(machines=1, do=[action]), body=NEW, **LICENSE_KEY,
          why=f"after {action}") for action in ("suspend", "revoke", "ban")],
    Row("POST /licenses/release", 401, lambda api: {"key": "LIC-0000-0000-0000-0000"}, body={"fingerprint": "f" * 64},
        **LICENSE_KEY, code="UNAUTHORIZED", why="unknown license key"),
    *refused("POST /licenses/release", {}, [("fingerprint", "short"), ("fingerprint", None)], given.license(),
             by="license key"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_machines(row, api):
    row.check(api)


def by_license(api, names, method, path, body=None):
    return api.send(method, path, json=body, headers={"authorization": f"License {names['key']}"})


def test_a_license_key_reaches_its_own_license_only(api):
    ours, theirs = given.machine()(api), given.machine()(api)
    path = f"/machines/{theirs['machineId']}"
    for method, more in [("PATCH", ""), ("DELETE", ""), ("POST", "/heartbeat")]:
        body = {"name": "mine"} if method == "PATCH" else None
        rest.expect_error(by_license(api, ours, method, path + more, body), 404)
    body = {"fingerprint": given.fingerprint(), "licenseId": theirs["licenseId"]}
    refused = rest.expect_error(by_license(api, ours, "POST", "/machines", body), 400)
    assert [issue["path"] for issue in refused["details"]["issues"]] == [["licenseId"]]
    shown = rest.expect_data(api.get(path))
    assert shown["name"] is None and shown["heartbeatStatus"] == "NOT_STARTED"
    # And nothing that wants an API key.
    for path in ("/machines", f"/machines/{ours['machineId']}", "/products", f"/licenses/{ours['licenseId']}"):
        rest.expect_error(by_license(api, ours, "GET", path), 401)


def test_deactivating_frees_the_seat(api):
    names = given.machine({"maxMachines": 1})(api)
    more = {"fingerprint": given.fingerprint()}
    rest.expect_error(by_license(api, names, "POST", "/machines", more), 422)
    assert by_license(api, names, "DELETE", f"/machines/{names['machineId']}").status_code == 204
    made = rest.expect_data(by_license(api, names, "POST", "/machines", more), 201)
    assert made["id"] != names["machineId"]
    shown = rest.expect_data(api.get(f"/licenses/{names['licenseId']}"))
    assert shown["machineCount"] == 1 and [one["id"] for one in shown["machines"]] == [made["id"]]


@pytest.mark.parametrize("scope, other_license, other_policy", [
    ("PER_LICENSE", 201, 201), ("PER_POLICY", 409, 201), ("PER_ACCOUNT", 409, 409)])  # fmt: skip
def test_uniqueness(scope, other_license, other_policy, api):
    """Where the fingerprint of an active machine may be activated again."""
    catalogue = api.catalogue(fingerprintUniqueness=scope)
    policy = api.policy(catalogue.product, fingerprintUniqueness=scope)
    first, second = api.license(catalogue), api.license(catalogue)
    third = api.license(rest.Catalogue(catalogue.product, policy))
    body = {"fingerprint": given.fingerprint()}
    made = rest.expect_data(by_license(api, first, "POST", "/machines", body), 201)
    for one, status in [(second, other_license), (third, other_policy)]:
        answer = by_license(api, one, "POST", "/machines", body)
        assert answer.status_code == status, answer.text
        if status == 409:
            assert rest.expect_error(answer, 409)["code"] == "CONFLICT"
    if scope != "PER_LICENSE":
        by_license(api, first, "DELETE", f"/machines/{made['id']}")
        rest.expect_data(by_license(api, third, "POST", "/machines", body), 201)


def test_max_unique_fingerprints_counts_those_that_are_gone(api):
    names = given.license({"maxMachines": 1, "maxUniqueFingerprints": 2})(api)
    first, second, third = (given.fingerprint() for _ in range(3))
    for one in (first, second, first):
        made = rest.expect_data(by_license(api, names, "POST", "/machines", {"fingerprint": one}), 201)
        assert by_license(api, names, "DELETE", f"/machines/{made['id']}").status_code == 204
    refusal = rest.expect_error(by_license(api, names, "POST", "/machines", {"fingerprint": third}), 422)
    assert refusal["code"] == "BUSINESS_RULE_VIOLATION"
    assert refusal["details"] == {"max": 2, "current": 2}


def test_fingerprints_are_opaque_and_case_sensitive(api):
    names = given.license({"maxMachines": 3})(api)
    ids = {
        rest.expect_data(by_license(api, names, "POST", "/machines", {"fingerprint": one}), 201)["id"]
        for one in ("Straße 12 😀", "straße 12 😀", "\tabcdefg ")
    }
    assert len(ids) == 3


def test_a_seat_goes_from_hand_to_hand(api):
    """Floating: acquired, renewed by the same call, released, and acquired by the next."""
    names = given.license({"maxMachines": 1, "floating": True, "heartbeatIntervalMinutes": 5})(api)
    first, second = {"fingerprint": given.fingerprint()}, {"fingerprint": given.fingerprint()}
    taken = rest.expect_data(by_license(api, names, "POST", "/licenses/acquire", first))
    assert taken["valid"] and rest.moment(minutes=4) < taken["leaseExpiresAt"] < rest.moment(minutes=6)
    again = rest.expect_data(by_license(api, names, "POST", "/licenses/acquire", first))
    assert again["machine"]["id"] == taken["machine"]["id"]
    assert again["leaseExpiresAt"] >= taken["leaseExpiresAt"]
    assert not rest.expect_data(by_license(api, names, "POST", "/licenses/acquire", second))["valid"]
    assert by_license(api, names, "POST", "/licenses/release", first).status_code == 204
    assert by_license(api, names, "POST", "/licenses/release", first).status_code == 204, "twice is once"
    assert rest.expect_data(by_license(api, names, "POST", "/licenses/acquire", second))["valid"]


def test_a_heartbeat_moves_the_time_it_is_due(api):
    names = given.machine({"requireHeartbeat": True, "heartbeatIntervalMinutes": 5})(api)
    before = rest.expect_data(api.get(f"/machines/{names['machineId']}"))
    assert before["heartbeatStatus"] == "NOT_STARTED" and before["lastHeartbeatAt"] is None
    after = rest.expect_data(by_license(api, names, "POST", f"/machines/{names['machineId']}/heartbeat"))
    assert rest.moment(minutes=-1) < after["lastHeartbeatAt"] <= rest.moment(minutes=1)
    assert after["heartbeatDueAt"] >= before["heartbeatDueAt"]
    assert rest.moment(minutes=4) < after["heartbeatDueAt"] < rest.moment(minutes=6)


def test_the_filters_of_the_list(api):
    names = given.license({"maxMachines": 3}, machines=2)(api)
    listed = api.get("/machines", params={"licenseId": names["id"]}).json()["data"]
    assert len(listed) == 2 and listed[0]["id"] == names["machineId"], "newest first"
    listed = api.get("/machines", params={"fingerprint": names["fingerprint"]}).json()["data"]
    assert [one["id"] for one in listed] == [names["machineId"]]
    listed = api.get("/machines", params={"licenseId": ABSENT}).json()["data"]
    assert listed == []
