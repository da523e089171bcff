"""License files: each endpoint and each status it can give."""

import base64
import datetime
import json

import pytest

from harness import given, processes, rest, shapes
from harness.contract import ABSENT, Row, refused

PRINT = {"fingerprint": "{fingerprint}"}
GONE = given.deleted(given.license(), "/licenses")
NO_FILES = {"offlineAllowed": False}
STATES = [("suspend", "LICENSE_SUSPENDED"), ("revoke", "LICENSE_REVOKED"), ("ban", "LICENSE_BANNED")]
CHECK_OUT = "POST /licenses/{id}/checkout"
REQUEST = "POST /license-files/request"
RELEASE = "POST /license-files/release"
REVOKE = "POST /licenses/{id}/files/revoke"

ROWS = [
    Row(CHECK_OUT, 200, given.license(), body=PRINT, shape=shapes.CHECK_OUT,
        shows={"fingerprint": "{fingerprint}", "ttl": 1209600, "machineId": None}),
    Row(CHECK_OUT, 200, given.license(machines=1), body=PRINT, shape=shapes.CHECK_OUT,
        shows={"machineId": "{machineId}"}, why="of a machine"),
    Row(CHECK_OUT, 200, given.license(), body=PRINT | {"ttl": 3600}, shows={"ttl": 3600}, why="an hour"),
    # Section 9, row 23: shortened, and said so.
    Row(CHECK_OUT, 200, given.license({"offlineMaxDays": 7}), body=PRINT, shows={"ttl": 7 * 86400}, why="7 days"),
    Row(CHECK_OUT, 200, given.license({"offlineMaxDays": 365}), body=PRINT | {"ttl": 7776000},
        shows={"ttl": 7776000}, why="90 days"),
    Row(CHECK_OUT, 200, given.license(machines=1), body=PRINT, by="license key", shows={"machineId": "{machineId}"},
        why="with the key"),
    Row(CHECK_OUT, 422, given.license(), body=PRINT, by="license key", code="BUSINESS_RULE_VIOLATION",
        why="with the key, machine not active"),
    Row(CHECK_OUT, 404, given.both(given.license(), lambda api: {"id": given.license()(api)["id"]}), body=PRINT,
        by="license key", why="with another license's key"),
    Row(CHECK_OUT, 200, given.expired({"expirationStrategy": "ALLOW_ACCESS"}), body=PRINT, shows={"ttl": 1209600},
        why="expired, access kept"),
    *[Row(CHECK_OUT, 409, given.license(do=[action]), body=PRINT, code=code) for action, code in STATES],
    Row(CHECK_OUT, 409, given.expired(), body=PRINT, code="LICENSE_EXPIRED"),
    Row(CHECK_OUT, 409, given.expired({"expirationStrategy": "REVOKE"}), body=PRINT, code="LICENSE_REVOKED",
        why="expired and so revoked"),
    Row(CHECK_OUT, 422, given.license(NO_FILES), body=PRINT, code="BUSINESS_RULE_VIOLATION"),
    Row(CHECK_OUT, 404, GONE, body=PRINT, why="deleted"),
    *refused(CHECK_OUT, PRINT, [
        ("fingerprint", "short"), ("fingerprint", "x" * 257), ("fingerprint", None), ("fingerprint", 5),
        ("ttl", 3599), ("ttl", 7776001), ("ttl", "3600"), ("ttl", 3600.5),
    ], given.license()),
    Row(CHECK_OUT, 400, given.license(), body={}, issues=[("fingerprint",)], why="no fingerprint"),

    Row("GET /licenses/{id}/files", 200, given.license_file(), shape=shapes.page_of(shapes.ISSUED_FILE)),
    Row("GET /licenses/{id}/files", 404, GONE, why="deleted"),

    Row(REVOKE, 200, given.license_file(), shows={"revokedCount": 1},
        shape={"files": shapes.list_of(shapes.ISSUED_FILE), "revokedCount": shapes.is_whole}),
    Row(REVOKE, 200, given.license_file(), body={"serial": "{serial}"}, shows={"revokedCount": 1}, why="one"),
    Row(REVOKE, 200, given.license_file(), body=PRINT, shows={"revokedCount": 1}, why="of a machine"),
    Row(REVOKE, 200, given.license_file(), body={"serial": 1 << 50}, shows={"revokedCount": 0}, why="none"),
    Row(REVOKE, 200, given.then(given.license_file(), "revoke"), body={"reason": "lost"}, why="of a revoked license"),
    Row(REVOKE, 400, given.license_file(), body=PRINT | {"serial": "{serial}"}, issues=[("serial",)], why="both"),
    *refused(REVOKE, {}, [("serial", 0), ("serial", "1"), ("fingerprint", "short"), ("reason", "x" * 1001)],
             given.license_file()),

    Row(REQUEST, 200, given.file_request(), body={"request": "{request}"}, shape=shapes.CHECK_OUT,
        shows={"fingerprint": "{fingerprint}"}),
    Row(REQUEST, 200, given.file_request(), body={"request": "{request}"}, by="license key", why="with the key"),
    Row(REQUEST, 200, given.file_request(ttl=7200), body={"request": "{request}"}, shows={"ttl": 7200}, why="ttl"),
    Row(REQUEST, 400, given.file_request(ttl=60), body={"request": "{request}"}, issues=[("request",)], why="a minute"),
    Row(REQUEST, 400, given.license(), body={"request": "x"}, issues=[("request",)], why="no request"),
    Row(REQUEST, 404, given.file_request(key="ATL-0000-0000-0000-0000"), body={"request": "{request}"},
        why="unknown key"),
    Row(REQUEST, 404, given.both(given.file_request(), lambda api: {"key": given.license()(api)["key"]}),
        body={"request": "{request}"}, by="license key", why="with another license's key"),
    Row(REQUEST, 409, given.file_request(do=["suspend"]), body={"request": "{request}"}, code="LICENSE_SUSPENDED"),
    Row(REQUEST, 422, given.file_request(NO_FILES), body={"request": "{request}"}, code="BUSINESS_RULE_VIOLATION"),

    Row(RELEASE, 200, given.file_receipt(), body={"receipt": "{receipt}"},
        shape={"licenseId": shapes.is_uuid, "serial": shapes.is_whole, "machineId": shapes.nullable(shapes.is_uuid)},
        shows={"licenseId": "{licenseId}", "serial": "{serial}", "machineId": "{machineId}"}),
    Row(RELEASE, 200, given.file_receipt(), body={"receipt": "{receipt}"}, by="license key", why="with the key"),
    Row(RELEASE, 400, given.license(), body={"receipt": "x"}, issues=[("receipt",)], why="no receipt"),
    Row(RELEASE, 404, given.deleted(given.file_receipt(), "/licenses"), body={"receipt": "{receipt}"},
        why="deleted"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row(row, api):
    row.check(api)


def header(certificate):
    """What a license file says to everybody."""
    return json.loads(base64.b64decode(certificate.split("\n")[1].split(".")[0], validate=True))


def test_a_file_ends_with_its_license(api):
    """Section 9, row 24."""
    ends = rest.moment(hours=2)
    names = given.license(fields={"expiresAt": ends})(api)
    made = rest.expect_data(api.post(f"/licenses/{names['id']}/checkout", {"fingerprint": names["fingerprint"]}))
    assert made["expiresAt"] == ends and 7190 <= made["ttl"] <= 7200
    shown = header(made["certificate"])
    assert shown["expiresAt"] == ends and shown["licenseExpiresAt"] == ends
    assert shown["licenseId"] == names["id"] and shown["fingerprint"] == names["fingerprint"]
    assert shown["serial"] == made["serial"] and shown["keyId"] == made["keyId"]


def test_every_file_is_in_the_audit_log_with_who_asked(api):
    names = given.license_file()(api)
    (issued,) = api.get(f"/licenses/{names['id']}/files").json()["data"]
    (line,) = api.get("/audit-events", params={"resourceId": issued["id"]}).json()["data"]
    shapes.expect(shapes.AUDIT_EVENT, line)
    assert line["action"] == "licenseFile.issue" and line["actor"]["kind"] == "apiKey"
    assert line["actor"]["id"] and line["clientAddress"] == "127.0.0.1"
    assert line["after"] == issued and names["fingerprint"] not in json.dumps(line)


def test_files_page_through_everything_once(api):
    names = given.license()(api)
    serials = [
        rest.expect_data(api.post(f"/licenses/{names['id']}/checkout", {"fingerprint": given.fingerprint()}))["serial"]
        for _ in range(3)
    ]
    seen, cursor = [], None
    while True:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = api.get(f"/licenses/{names['id']}/files", params=query).json()
        seen += [one["serial"] for one in page["data"]]
        cursor = page["pagination"]["nextCursor"]
        if not page["pagination"]["hasMore"]:
            break
    assert seen == serials[::-1]


def test_a_request_takes_a_seat_and_takes_it_once(api):
    """What is asked for twice, by a machine that never heard the answer, has one seat."""
    names = given.file_request({"maxMachines": 1})(api)
    body = {"request": names["request"]}
    first = rest.expect_data(api.post("/license-files/request", body))
    second = rest.expect_data(api.post("/license-files/request", body))
    assert first["machineId"] == second["machineId"] and first["serial"] < second["serial"]
    (machine,) = api.get("/machines", params={"licenseId": names["id"]}).json()["data"]
    assert machine["id"] == first["machineId"] and machine["fingerprint"] == names["fingerprint"]
    # No further seat, and so no file.
    other = given.closed_machine("request", "--fingerprint", given.fingerprint(), key=names["key"])
    refusal = rest.expect_error(api.post("/license-files/request", {"request": other}), 422)
    assert refusal["code"] == "MACHINE_LIMIT_EXCEEDED"
    assert len(api.get(f"/licenses/{names['id']}/files").json()["data"]) == 2


def test_a_receipt_returns_the_seat_once(api):
    names = given.file_request({"maxMachines": 1})(api)
    made = rest.expect_data(api.post("/license-files/request", {"request": names["request"]}))
    receipt = given.closed_machine(
        "release", "-", "--fingerprint", names["fingerprint"], key=names["key"], input=made["certificate"]
    )
    body = {"receipt": receipt}
    given_back = rest.expect_data(api.post("/license-files/release", body))
    assert given_back == {"licenseId": names["id"], "serial": made["serial"], "machineId": made["machineId"]}
    assert api.get("/machines", params={"licenseId": names["id"]}).json()["data"] == []
    # Another machine takes the seat, and the old receipt, sent again, does not take it away.
    fresh = given.closed_machine("request", "--fingerprint", names["fingerprint"], key=names["key"])
    again = rest.expect_data(api.post("/license-files/request", {"request": fresh}))
    assert rest.expect_data(api.post("/license-files/release", body))["machineId"] is None
    (machine,) = api.get("/machines", params={"licenseId": names["id"]}).json()["data"]
    assert machine["id"] == again["machineId"] != made["machineId"]
    # The file that was given up is revoked, the new one is not.
    revoked = processes.poll(
        lambda: {
            one["serial"]: one["revokedAt"]
            for one in api.get(f"/licenses/{names['id']}/files").json()["data"]
            if one["revokedAt"]
        },
        8,
        "the file is revoked",
    )
    assert set(revoked) == {made["serial"]}


def test_a_receipt_of_somebody_else_is_worth_nothing(api, foreign_api, live_api):
    names = given.file_receipt()(api)
    for outsider in (foreign_api, live_api):
        refusal = outsider.post("/license-files/release", {"receipt": names["receipt"]})
        assert rest.expect_error(refusal, 404)["code"] == "NOT_FOUND"
    # One that was not made with the license's key: another license's proof under this one's name.
    body, proof = names["receipt"].split("\n")[1].split(".")
    shown = json.loads(base64.b64decode(body)) | {"licenseId": given.license()(api)["id"]}
    forged = base64.b64encode(json.dumps(shown).encode()).decode()
    text = names["receipt"].replace(f"{body}.{proof}", f"{forged}.{proof}")
    rest.expect_error(api.post("/license-files/release", {"receipt": text}), 400)
    assert len(api.get("/machines", params={"licenseId": names["id"]}).json()["data"]) == 1


def test_a_license_imported_by_its_hash_is_checked_out_with_its_key(api):
    """Nobody knows its key here, so nothing that is kept leads to the payload's key."""
    import hashlib

    names = given.policy()(api)
    key = f"OLD-{given.fingerprint()[:20]}"
    csv = "keyHash,productId,policyId\n" + ",".join(
        [hashlib.sha256(key.encode()).hexdigest(), names["productId"], names["policyId"]]
    )
    imported = api.send("POST", "/licenses/import", content=csv, headers={"content-type": "text/csv"})
    assert rest.expect_data(imported)["imported"] == 1, imported.text
    license = api.get("/licenses", params={"productId": names["productId"]}).json()["data"][0]
    fingerprint = given.fingerprint()
    path = f"/licenses/{license['id']}/checkout"
    refusal = rest.expect_error(api.post(path, {"fingerprint": fingerprint}), 422)
    assert refusal["code"] == "BUSINESS_RULE_VIOLATION"
    holder = {"authorization": f"License {key}"}
    rest.expect_data(api.post("/machines", {"fingerprint": fingerprint}, headers=holder), 201)
    made = rest.expect_data(api.post(path, {"fingerprint": fingerprint}, headers=holder))
    # It opens with the key.
    given.closed_machine("release", "-", "--fingerprint", fingerprint, key=key, input=made["certificate"])


def test_a_time_in_an_answer_is_the_files(api):
    names = given.license()(api)
    made = rest.expect_data(api.post(f"/licenses/{names['id']}/checkout", {"fingerprint": names["fingerprint"]}))
    shown = header(made["certificate"])
    issued, ends = (datetime.datetime.fromisoformat(shown[name]) for name in ("issuedAt", "expiresAt"))
    assert (ends - issued).total_seconds() == made["ttl"] == shown["ttl"]
    assert abs((issued - datetime.datetime.now(datetime.UTC)).total_seconds()) < 60
    assert ABSENT not in made["certificate"]
