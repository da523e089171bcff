"""Many licenses at once: created in one call, imported from CSV, exported as CSV."""

import csv
import hashlib
import io
import socket
import uuid

import pytest

from harness import given, processes, rest, shapes
from harness.contract import ABSENT, Row

ONE = {"productId": "{productId}", "policyId": "{policyId}"}


def bulk(status, licenses, maker=given.policy(), **more):
    return Row("POST /licenses/bulk", status, maker, body={"licenses": licenses}, **more)


ROWS = [
    bulk(201, [ONE, ONE | {"name": "Second"}]),
    bulk(422, [ONE, ONE | {"policyId": ABSENT}], code="REFERENCE_NOT_FOUND"),
    bulk(422, [ONE | {"maxUsesOverride": 5}], given.policy(overridable=False), code="BUSINESS_RULE_VIOLATION"),
    bulk(400, [], issues=[("licenses",)], why="none"),
    bulk(400, [ONE] * 1001, issues=[("licenses",)], why="too many"),
    bulk(400, [ONE, ONE | {"userEmail": "x"}, ONE | {"maxUsesOverride": 0}], why="every bad one",
         issues=[("licenses", 1, "userEmail"), ("licenses", 2, "maxUsesOverride")]),
    Row("POST /licenses/bulk", 400, body={}, issues=[("licenses",)], why="no list"),
    Row("GET /licenses/export", 400, query={"status": "dead"}, issues=[("status",)]),
    Row("GET /licenses/export", 400, query={"productId": "nobody"}, issues=[("productId",)], why="product"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bulk(row, api):
    if row.status == 201:
        made = row.given(api)
        response = row.send(api, made)
        body = response.json()
        assert response.status_code == 201 and set(body) == {"data"}, response.text
        for one in body["data"]:
            shapes.expect(shapes.ISSUED_LICENSE, one)
        assert [one["name"] for one in body["data"]] == [None, "Second"]
    else:
        row.check(api)


def test_a_thousand_in_one_call(api):
    catalogue = api.catalogue()
    body = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"]}
    issued = api.post("/licenses/bulk", {"licenses": [body] * 1000}).json()["data"]
    assert len({one["key"] for one in issued}) == len({one["id"] for one in issued}) == 1000
    assert api.validate(issued[-1]["key"])["code"] == "VALID"
    product = rest.expect_data(api.get(f"/products/{catalogue.product['id']}"))
    assert product["licensesCount"] == 1000


def test_all_or_none_are_created(api):
    names = given.policy()(api)
    one = {"productId": names["productId"], "policyId": names["policyId"]}
    rest.expect_error(api.post("/licenses/bulk", {"licenses": [one, one | {"policyId": ABSENT}]}), 422)
    assert api.get("/licenses", params={"productId": names["productId"]}).json()["data"] == []


# Importing


def send(api, text, content_type="text/csv", **query):
    content = text.encode() if isinstance(text, str) else text
    return api.send("POST", "/licenses/import", content=content, params=query,
                    headers={"content-type": content_type})  # fmt: skip


def imported(api, text, **query):
    return shapes.expect(shapes.IMPORT, rest.expect_data(send(api, text, **query)))


def keys(count):
    """Keys as another system may have made them."""
    return [f"OLD-{uuid.uuid4().hex.upper()}" for _ in range(count)]


def targets(api):
    names = given.policy()(api)
    return {"productId": names["productId"], "policyId": names["policyId"]}


def test_raw_and_hashed_keys_are_imported(api):
    raw, hashed = keys(2)
    digest = hashlib.sha256(hashed.encode()).hexdigest()
    text = (
        "key,keyHash,name,userEmail,expiresAt,metadata\n"
        f'{raw},,"Seat, one",pat@studio.example,2099-01-01T00:00:00.000Z,"{{""old"": 1}}"\n'
        f",{digest},Two,,,\n"
    )
    result = imported(api, text, **targets(api))
    assert result == {"dryRun": False, "rows": 2, "imported": 2, "badRows": 0, "issues": []}
    assert api.validate(raw)["license"]["name"] == "Seat, one"
    assert api.validate(hashed)["license"]["name"] == "Two"
    shown = rest.expect_data(api.get(f"/licenses/by-key/{raw}"))
    assert shown["metadata"] == {"old": 1} and shown["userEmail"] == "pat@studio.example"


def test_a_dry_run_reports_and_keeps_nothing(api):
    [key] = keys(1)
    where = targets(api)
    result = imported(api, f"key,name\n{key},One\n", dryRun="true", **where)
    assert result["dryRun"] is True and result["rows"] == 1 and result["badRows"] == 0
    assert api.validate(key)["code"] == "NOT_FOUND"
    assert api.get("/licenses", params={"productId": where["productId"]}).json()["data"] == []


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_every_bad_row_is_reported_and_nothing_kept(dry_run, api):
    good, bad = keys(2)
    text = (
        "key,name,userEmail,expiresAt\n"
        f"{good},One,,\n"
        f"{bad},Two,nobody,\n"
        f"{bad},{'x' * 256},,tomorrow\n"
        f"{good},Again,,\n"
        ",None,,\n"
    )
    result = imported(api, text, dryRun=dry_run, **targets(api))
    assert result["rows"] == 5 and result["imported"] == 0 and result["badRows"] == 4
    told = {(issue["line"], issue["column"]) for issue in result["issues"]}
    assert {(3, "userEmail"), (4, "name"), (4, "expiresAt")} <= told, told
    assert {5, 6} <= {line for line, _ in told}, "the key that comes twice, and the missing one"
    assert api.validate(good)["code"] == "NOT_FOUND"


def test_a_key_that_is_there_already_is_a_bad_row(api):
    issued = api.license(api.catalogue())
    result = imported(api, f"key\n{issued['key']}\n", **targets(api))
    assert result["badRows"] == 1 and result["issues"][0]["line"] == 2


@pytest.mark.parametrize(
    "text",
    [b"", b"colour\nred\n", b"key\n\"open\n", b"key\n\xff\xfe\n", b"key,key\na,b\n", b"key\nA,B\n", b"\x00"],
    ids=["empty", "unknown column", "open quote", "not UTF-8", "column twice", "too many fields", "NUL"],
)  # fmt: skip
def test_a_broken_file_is_refused(text, api):
    """Either as a whole, or as rows that are bad; never with an error of ours."""
    answer = send(api, text, **targets(api))
    if answer.status_code == 200:
        assert rest.expect_data(answer)["imported"] == 0
    else:
        rest.expect_error(answer, answer.status_code)
        assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_a_file_that_breaks_off_is_not_imported(api, deployment, is_chunked):
    """A part of a file looks like a smaller file; a sender who is gone must not be taken for one who is done."""
    many = keys(600)  # More than are written at a time.
    query = "&".join(f"{name}={value}" for name, value in targets(api).items())
    part = "\n".join(["key", *many, ""]).encode()
    framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(part) * 2}"
    head = (
        f"POST /api/v1/licenses/import?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
        f"Authorization: Bearer {deployment['LATCHKEY_TEST_API_KEY']}\r\n{framing}\r\n\r\n"
    )
    body = b"%x\r\n%s\r\n" % (len(part), part) if is_chunked else part
    with socket.create_connection(("localhost", deployment.port)) as plain:
        with deployment.trust().wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(head.encode() + body)
            # Until the first are written; else there would be nothing to break off.
            processes.poll(lambda: importing(deployment), 10, "the import has begun")
    # The same keys are free: what the first one has claimed is given up before this one is answered.
    result = imported(api, "\n".join(["key", *many]), **targets(api))
    assert (result["imported"], result["badRows"]) == (600, 0)


def importing(deployment):
    """Whether a transaction is open that waits for more."""
    return deployment.sql(
        "select count(*) from pg_stat_activity where state = 'idle in transaction'"
        " and application_name = 'latchkey-licenses'"
    ) != [["0"]]


def test_another_media_type_is_refused(api):
    rest.expect_error(send(api, "key\nA\n", content_type="application/json", **targets(api)), 415)


def test_bad_settings_of_an_import_are_named(api):
    for query in ({"productId": "nobody"}, {"policyId": "nobody"}, {"dryRun": "maybe"}):
        body = rest.expect_error(send(api, "key\nA\n", **targets(api) | query), 400)
        assert [issue["path"] for issue in body["details"]["issues"]] == [list(query)]
    unknown = send(api, "key\nABCDEFGH\n", productId=ABSENT, policyId=ABSENT)
    if unknown.status_code == 200:
        assert rest.expect_data(unknown)["badRows"] == 1
    else:
        assert rest.expect_error(unknown, 422)["code"] == "REFERENCE_NOT_FOUND"


# Exporting


def exported(api, **query):
    response = api.get("/licenses/export", params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


def test_what_is_imported_comes_out_again(api):
    where = targets(api)
    made = keys(300)
    text = "key,name,metadata\n" + "".join(
        f'{key},"Seat ""{number}"", é\nnext line","{{""n"": {number}}}"\n' for number, key in enumerate(made)
    )
    assert imported(api, text, **where)["imported"] == 300
    rows = exported(api, productId=where["productId"])
    assert len(rows) == 300
    assert {row["name"] for row in rows} == {f'Seat "{number}", é\nnext line' for number in range(300)}
    assert not any(key in str(rows) for key in made), "an export shows no keys"
    assert all(row["productId"] == where["productId"] and row["status"] == "active" for row in rows)


def test_an_export_is_filtered_as_the_list(api):
    names = given.license(do=["suspend"])(api)
    assert [row["id"] for row in exported(api, productId=names["productId"], status="suspended")] == [names["id"]]
    assert exported(api, productId=names["productId"], status="active") == []


def test_cells_are_no_formulas(api):
    """Spreadsheets run what begins with = + - @; an export must not carry a customer's formula to the vendor."""
    names = given.license(fields={"name": "=cmd|' /C calc'!A0"})(api)
    [row] = exported(api, productId=names["productId"])
    assert not row["name"].startswith(("=", "+", "-", "@", "\t", "\r")), row["name"]
