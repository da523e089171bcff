"""Products: each endpoint and each status it can give."""

import pytest

from harness import given, rest, shapes
from harness.contract import Row, refused

NEW = {"name": "Atelier", "code": "{new}"}
FULL = NEW | {"description": "Drawing", "keyPrefix": "ATL", "metadata": {"a": [1, None, {"b": 2}]}}
PLAIN = {"description": None, "keyPrefix": "LIC", "metadata": {}, "licensesCount": 0, "deletedAt": None,
         "storeKeys": True}

# What both creating and changing refuse.
BAD_FIELDS = [
    ("name", ""),
    ("name", "x" * 256),
    ("name", 5),
    ("name", None),
    ("code", ""),
    ("code", "x" * 51),
    ("code", "a b"),
    ("code", "ä"),
    ("code", None),
    ("description", "x" * 1001),
    ("description", 5),
    ("keyPrefix", "A"),
    ("keyPrefix", "ABCDEFGHIJK"),
    ("keyPrefix", "abc"),
    ("keyPrefix", "AB1"),
    ("metadata", []),
    ("metadata", "x"),
    ("metadata", {"x": "y" * 65536}),
    ("storeKeys", "no"),
    ("storeKeys", 0),
]

ROWS = [
    Row("POST /products", 201, body=NEW, shape=shapes.PRODUCT, shows=PLAIN),
    Row("POST /products", 201, body=FULL, shape=shapes.PRODUCT, shows={"keyPrefix": "ATL"}, why="full"),
    Row("POST /products", 201, body={"name": "x" * 255, "code": "{new}"}, why="longest name"),
    Row("POST /products", 201, body=NEW | {"name": "😀" * 255}, why="characters, not bytes"),
    Row("POST /products", 201, body=NEW | {"description": None, "metadata": None}, shows=PLAIN, why="nulls"),
    Row("POST /products", 201, given.deleted(given.product(), "/products"), body=NEW | {"code": "{code}"},
        why="the code of a deleted one"),
    Row("POST /products", 422, given.product(), body=NEW | {"code": "{code}"}, code="CONSTRAINT_VIOLATION"),
    Row("POST /products", 400, body={}, issues=[("name",), ("code",)], why="all at once"),
    *refused("POST /products", NEW, BAD_FIELDS),
    Row("GET /products", 200, given.product(), shape=shapes.page_of(shapes.PRODUCT)),
    Row("GET /products", 200, given.product(), query={"limit": 1}, shape=shapes.page_of(shapes.PRODUCT),
        why="one"),
    Row("GET /products/{id}", 200, given.product(), shape=shapes.PRODUCT, shows={"id": "{id}"}),
    Row("GET /products/{id}", 404, given.deleted(given.product(), "/products"), why="deleted"),
    Row("PATCH /products/{id}", 200, given.product(), body={"name": "B"}, shape=shapes.PRODUCT,
        shows={"name": "B", "code": "{code}"}),
    Row("PATCH /products/{id}", 200, given.product(description="x", metadata={"a": 1}),
        body={"description": None}, shows={"description": None, "metadata": {"a": 1}}, why="null clears"),
    Row("PATCH /products/{id}", 200, given.product(metadata={"a": 1}), body={"metadata": {"b": 2}},
        shows={"metadata": {"b": 2}}, why="metadata is replaced"),
    Row("PATCH /products/{id}", 200, given.product(), body={}, shows={"code": "{code}"}, why="nothing"),
    Row("PATCH /products/{id}", 200, given.product(), body={"code": "{code}"}, why="its own code"),
    Row("PATCH /products/{id}", 422, given.two_products(), body={"code": "{otherCode}"},
        code="CONSTRAINT_VIOLATION"),
    Row("PATCH /products/{id}", 404, given.deleted(given.product(), "/products"), body={"name": "B"},
        why="deleted"),
    Row("PATCH /products/{id}", 400, given.product(), body={"name": None, "keyPrefix": None},
        issues=[("name",), ("keyPrefix",)], why="all at once"),
    *refused("PATCH /products/{id}", {}, BAD_FIELDS, given.product()),
    Row("POST /products", 201, body=NEW | {"storeKeys": False}, shows={"storeKeys": False}, why="no keys"),
    Row("PATCH /products/{id}", 200, given.license(), at="productId", body={"storeKeys": False},
        shows={"storeKeys": False, "licensesCount": 1}, why="keys erased"),
    Row("DELETE /products/{id}", 204, given.product()),
    Row("DELETE /products/{id}", 204, given.deleted(given.license(), "/licenses"), at="productId",
        why="its licenses are deleted"),
    Row("DELETE /products/{id}", 404, given.deleted(given.product(), "/products"), why="twice"),
    Row("DELETE /products/{id}", 409, given.license(), at="productId", code="CONFLICT"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_products(row, api):
    row.check(api)


def test_a_deleted_product_takes_its_policies_with_it(api):
    catalogue = api.catalogue()
    assert api.send("DELETE", f"/products/{catalogue.product['id']}").status_code == 204
    rest.expect_error(api.get(f"/policies/{catalogue.policy['id']}"), 404)
    body = {"productId": catalogue.product["id"], "name": "P", "maxMachines": 1}
    assert rest.expect_error(api.post("/policies", body), 422)["code"] == "REFERENCE_NOT_FOUND"


def test_licenses_are_counted(api):
    catalogue = api.catalogue()
    first = api.license(catalogue)
    api.license(catalogue)

    def count():
        return rest.expect_data(api.get(f"/products/{catalogue.product['id']}"))["licensesCount"]

    assert count() == 2
    assert api.send("DELETE", f"/licenses/{first['id']}").status_code == 204
    assert count() == 1


def test_a_change_moves_updated_at_and_nothing_else(api):
    before = api.product()
    after = rest.expect_data(api.send("PATCH", f"/products/{before['id']}", json={"name": "New"}))
    assert after["updatedAt"] >= before["updatedAt"]
    assert after | {"updatedAt": None} == before | {"updatedAt": None, "name": "New"}
