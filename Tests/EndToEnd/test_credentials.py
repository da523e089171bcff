"""API keys: made, listed, scoped, expired, revoked; and what each world may see of the others."""

import uuid

import pytest

from harness import processes, rest

# A cached verdict on an API key is at most 500 ms old.
REVOCATION_SECONDS = 3


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer nonsense",
        "Bearer lk_test_",
        "Bearer lk_test_" + "a" * 36,
        "Bearer lk_live_" + "0" * 36,
        "Bearer lk_test_" + "a" * 5000,
        "Basic bGs6dGVzdA==",
        "License LIC-0000-0000-0000-0000",
        "lk_test_" + "a" * 36,
    ],
)
def test_a_bad_credential_is_refused(header, deployment):
    with rest.Api(deployment, None) as client:
        headers = {} if header is None else {"authorization": header}
        response = client.get("/products", headers=headers)
        assert rest.expect_error(response, 401)["code"] == "UNAUTHORIZED"


def test_two_credentials_are_refused(deployment):
    key = deployment["LATCHKEY_TEST_API_KEY"]
    with rest.Api(deployment, None) as client:
        response = client.client.get(
            "/api/v1/products",
            headers=[("authorization", f"Bearer {key}"), ("authorization", "Bearer other")],
        )
        assert response.status_code in (400, 401), response.text


def test_the_scheme_is_read_in_any_case(deployment):
    with rest.Api(deployment, None) as client:
        key = deployment["LATCHKEY_TEST_API_KEY"]
        assert client.get("/products", headers={"authorization": f"bearer {key}"}).is_success


def test_one_changed_character_is_refused(api, deployment):
    key = deployment["LATCHKEY_TEST_API_KEY"]
    for at in (8, 20, len(key) - 1):
        other = "A" if key[at] != "A" else "B"
        with rest.Api(deployment, key[:at] + other + key[at + 1 :]) as client:
            rest.expect_error(client.get("/products"), 401)


def test_a_key_is_shown_once_and_works(api, deployment):
    made = api.api_key()
    assert rest.API_KEY.fullmatch(made["key"]) and made["key"].startswith("lk_test_")
    assert made["environment"] == "test" and made["fullAccess"] is True
    with rest.Api(deployment, made["key"]) as client:
        assert client.get("/products").status_code == 200
    shown = rest.expect_data(api.get(f"/api-keys/{made['id']}"))
    assert "key" not in shown and shown["id"] == made["id"]
    listed = api.get("/api-keys", params={"limit": 100})
    assert made["id"] in [item["id"] for item in listed.json()["data"]]
    assert made["key"] not in listed.text


def test_a_revoked_key_is_refused(api, deployment):
    made = api.api_key()
    with rest.Api(deployment, made["key"]) as client:
        assert client.get("/products").status_code == 200
        assert api.send("DELETE", f"/api-keys/{made['id']}").status_code == 204
        refused = processes.poll(
            lambda: (r := client.get("/products")).status_code != 200 and r,
            REVOCATION_SECONDS,
            "the revoked key is refused",
        )
        rest.expect_error(refused, 401)
    shown = rest.expect_data(api.get(f"/api-keys/{made['id']}"))
    assert rest.TIMESTAMP.fullmatch(shown["revokedAt"])
    assert api.send("DELETE", f"/api-keys/{made['id']}").status_code == 204, "twice is once"


def test_an_expired_key_is_refused(api, deployment):
    made = api.api_key(expiresAt=rest.moment(seconds=1))
    with rest.Api(deployment, made["key"]) as client:
        refused = processes.poll(
            lambda: (r := client.get("/products")).status_code != 200 and r,
            1 + REVOCATION_SECONDS,
            "the expired key is refused",
        )
        rest.expect_error(refused, 401)


def test_a_missing_scope_is_refused(api, deployment):
    made = api.api_key(scopes=["products:read"])
    assert made["fullAccess"] is False and made["scopes"] == ["products:read"]
    with rest.Api(deployment, made["key"]) as client:
        assert client.get("/products").status_code == 200
        for refused in [
            client.post("/products", {"name": "x", "code": "x"}),
            client.get("/licenses"),
            client.get("/policies"),
            client.get("/api-keys"),
            client.post("/api-keys", {"name": "x"}),
        ]:
            assert rest.expect_error(refused, 403)["code"] == "FORBIDDEN"


def test_a_key_cannot_make_a_stronger_one(api, deployment):
    made = api.api_key(scopes=["keys:write", "products:read"])
    with rest.Api(deployment, made["key"]) as client:
        rest.expect_data(client.post("/api-keys", {"name": "x", "scopes": ["products:read"]}), 201)
        for scopes in (["licenses:write"], None):
            body = {"name": "x"} | ({"scopes": scopes} if scopes else {})
            rest.expect_error(client.post("/api-keys", body), 403)


def test_an_unknown_scope_is_refused(api):
    rest.expect_error(api.post("/api-keys", {"name": "x", "scopes": ["nothing:do"]}), 400)


def test_the_scope_is_checked_before_the_body_is_judged(api, deployment):
    made = api.api_key(scopes=["products:read"])
    with rest.Api(deployment, made["key"]) as client:
        rest.expect_error(client.post_bytes("/products", b"{"), 403)


def test_test_and_live_are_two_worlds(api, live_api):
    catalogue = api.catalogue()
    issued = api.license(catalogue)
    for path in [
        f"/products/{catalogue.product['id']}",
        f"/policies/{catalogue.policy['id']}",
        f"/licenses/{issued['id']}",
        f"/licenses/by-key/{issued['key']}",
    ]:
        assert api.get(path).status_code == 200, path
        rest.expect_error(live_api.get(path), 404)
    body = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"]}
    rest.expect_error(live_api.post("/licenses", body), 422)
    for path in ("/products", "/policies", "/licenses", "/api-keys"):
        ours = {item["id"] for item in api.get(path, params={"limit": 100}).json()["data"]}
        live = {item["id"] for item in live_api.get(path, params={"limit": 100}).json()["data"]}
        assert not ours & live, path
    # The same code may be used in both, and a live license validates as well.
    live_api.product(code=catalogue.product["code"])
    live_issued = live_api.license(live_api.catalogue())
    assert live_api.validate(live_issued["key"])["code"] == "VALID"


def test_a_key_of_one_environment_cannot_make_one_of_the_other(api):
    refused = api.post("/api-keys", {"name": "x", "environment": "live"})
    assert refused.status_code in (400, 403), refused.text
    rest.expect_error(refused, refused.status_code)


def test_what_belongs_to_another_account_is_not_found(api, foreign_api):
    """Always 404, whatever is asked, and exactly as if it were not there at all."""
    catalogue = api.catalogue()
    issued = api.license(catalogue)
    made = api.api_key()
    product = foreign_api.product()
    theirs = rest.Catalogue(product, foreign_api.policy(product))
    nobody = str(uuid.uuid4())
    for path, identifier in [
        ("/products/{}", catalogue.product["id"]),
        ("/policies/{}", catalogue.policy["id"]),
        ("/licenses/{}", issued["id"]),
        ("/api-keys/{}", made["id"]),
    ]:
        assert api.get(path.format(identifier)).status_code == 200
        foreign = rest.expect_error(foreign_api.get(path.format(identifier)), 404)
        absent = rest.expect_error(foreign_api.get(path.format(nobody)), 404)
        assert foreign["error"].replace(identifier, "") == absent["error"].replace(nobody, "")
    rest.expect_error(foreign_api.get(f"/licenses/by-key/{issued['key']}"), 404)
    rest.expect_error(foreign_api.send("DELETE", f"/api-keys/{made['id']}"), 404)
    assert rest.expect_data(api.get(f"/api-keys/{made['id']}"))["revokedAt"] is None
    for product, policy in [
        (catalogue.product, catalogue.policy),
        (theirs.product, catalogue.policy),
        (catalogue.product, theirs.policy),
    ]:
        body = {"productId": product["id"], "policyId": policy["id"]}
        rest.expect_error(foreign_api.post("/licenses", body), 422)
    listed = foreign_api.get("/licenses", params={"limit": 100}).json()["data"]
    assert issued["id"] not in [item["id"] for item in listed]


def test_a_cursor_of_another_account_shows_nothing(api, foreign_api):
    foreign_api.product()
    ours = api.product()
    page = foreign_api.get("/products", params={"cursor": ours["id"], "limit": 100})
    assert page.status_code in (200, 400), page.text
    if page.status_code == 200:
        assert ours["id"] not in page.text
