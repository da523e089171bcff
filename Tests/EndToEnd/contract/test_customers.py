"""Customers: each endpoint and each status it can give."""

import uuid

import pytest

from harness import given, rest, shapes
from harness.contract import Row, refused


def mail():
    return f"{uuid.uuid4().hex[:12]}@studio.example"


GONE = given.deleted(given.customer(), "/customers")


def fresh(api):
    return {"mail": mail()}


TWO = given.both(given.customer(), lambda api: {"otherMail": given.customer()(api)["email"]})

BAD_FIELDS = [
    ("email", "nobody"),
    ("email", ""),
    ("email", "a@" + "b" * 260),
    ("email", 5),
    ("email", None),
    ("name", "x" * 256),
    ("metadata", []),
    ("metadata", {"x": "y" * 65536}),
]

ROWS = [
    Row("POST /customers", 201, fresh, body={"email": "{mail}"}, shape=shapes.CUSTOMER,
        shows={"email": "{mail}", "name": None, "licensesCount": 0, "metadata": {}, "deletedAt": None}),
    Row("POST /customers", 201, fresh, body={"email": "{mail}", "name": "Pat", "metadata": {"a": 1}},
        shape=shapes.CUSTOMER, shows={"name": "Pat", "metadata": {"a": 1}}, why="full"),
    Row("POST /customers", 422, given.customer(), body={"email": "{email}"}, code="CONSTRAINT_VIOLATION"),
    Row("POST /customers", 201, GONE, body={"email": "{email}"}, why="the address of a deleted one"),
    *refused("POST /customers", {"email": "pat@studio.example"}, BAD_FIELDS),
    Row("GET /customers", 200, given.customer(), shape=shapes.page_of(shapes.CUSTOMER)),
    Row("GET /customers", 400, query={"email": ""}, issues=[("email",)]),
    Row("GET /customers/{id}", 200, given.customer(), shape=shapes.CUSTOMER, shows={"id": "{id}"}),
    Row("GET /customers/{id}", 404, GONE, why="deleted"),
    Row("PATCH /customers/{id}", 200, given.customer(), body={"name": "Pat"}, shape=shapes.CUSTOMER,
        shows={"name": "Pat", "email": "{email}"}),
    Row("PATCH /customers/{id}", 200, given.customer(name="Pat"), body={"name": None}, shows={"name": None},
        why="null clears"),
    Row("PATCH /customers/{id}", 200, given.customer(), body={}, shows={"email": "{email}"}, why="nothing"),
    Row("PATCH /customers/{id}", 422, TWO, body={"email": "{otherMail}"}, code="CONSTRAINT_VIOLATION"),
    Row("PATCH /customers/{id}", 404, GONE, body={"name": "B"}, why="deleted"),
    *refused("PATCH /customers/{id}", {}, BAD_FIELDS, given.customer()),
    Row("DELETE /customers/{id}", 204, given.customer()),
    Row("DELETE /customers/{id}", 404, GONE, why="twice"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_customers(row, api):
    row.check(api)


def one_with(api, address):
    """The customer with an address, by the list's filter."""
    [found] = api.get("/customers", params={"email": address}).json()["data"]
    return found


def test_an_address_is_taken_in_any_case(api):
    names = given.customer()(api)
    rest.expect_error(api.post("/customers", {"email": names["email"].upper()}), 422)
    assert one_with(api, names["email"].upper())["id"] == names["id"]


def test_a_license_makes_its_customer(api):
    catalogue, address = api.catalogue(), mail()
    api.license(catalogue, userEmail=address, userName="Pat")
    api.license(catalogue, userEmail=address.upper())
    customer = one_with(api, address)
    assert customer["name"] == "Pat" and customer["licensesCount"] == 2


def test_a_new_address_goes_to_the_licenses(api):
    catalogue, address, new = api.catalogue(), mail(), mail()
    issued = api.license(catalogue, userEmail=address)
    customer = one_with(api, address)
    change = {"email": new, "name": "Kim"}
    rest.expect_data(api.send("PATCH", f"/customers/{customer['id']}", json=change))
    shown = rest.expect_data(api.get(f"/licenses/{issued['id']}"))
    assert shown["userEmail"] == new and shown["userName"] == "Kim"
    assert api.get("/licenses", params={"userEmail": address}).json()["data"] == []


def test_deleting_leaves_the_licenses(api):
    address = mail()
    issued = api.license(api.catalogue(), userEmail=address)
    assert api.send("DELETE", f"/customers/{one_with(api, address)['id']}").status_code == 204
    shown = rest.expect_data(api.get(f"/licenses/{issued['id']}"))
    assert shown["status"] == "active" and shown["userEmail"] == address
