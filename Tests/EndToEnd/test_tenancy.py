"""Account B, and the other environment of A, see nothing of what is A's: on every route that names something."""

import uuid

import pytest

from harness import given, openapi, rest
from harness.contract import NOTHING, Row

# What stands at each kind of path, and a body with which a request of its owner would work.
OURS = {
    "/api-keys": given.api_key(),
    "/licenses": given.both(given.entitlement(), given.license(machines=1)),
    "/machines": given.machine(),
    "/products": given.product(),
    "/policies": given.both(given.entitlement(), given.policy()),
    "/entitlements": given.entitlement(),
    "/customers": given.customer(),
    "/signing-keys": given.signing_key(),
    "/webhooks": given.delivery(),
    "/events": given.event(),
}
BODIES = {
    "checkout": {"fingerprint": "a fingerprint of theirs"},
    "entitlements": {"entitlementIds": []},
    "renew": {"expiresAt": "2099-01-01T00:00:00.000Z"},
    "reinstate": {"expiresAt": "2099-01-01T00:00:00.000Z"},
    "redeliver": {"from": "2026-01-01T00:00:00.000Z"},
    "recover": {"since": "2026-01-01T00:00:00.000Z"},
}

# What an account has above its environments: contract/test_response_signing_keys.py shows that others have no part in it.
ACCOUNT_WIDE = "/response-signing-keys"

ROUTES = [
    one
    for one in openapi.endpoints()
    if one.parameters("path") and one.takes_api_key and not one.path.startswith(ACCOUNT_WIDE)
]
LISTS = [
    one
    for one in openapi.endpoints()
    if one.is_list and one.takes_api_key and "{" not in one.path
]


@pytest.fixture(scope="module", params=["another account", "the other environment"])
def outsider(request):
    """Who must see nothing."""
    names = {"another account": "foreign_api", "the other environment": "live_api"}
    return request.getfixturevalue(names[request.param])


def kind_of(endpoint):
    return "/" + endpoint.path.split("/")[1]


@pytest.fixture(scope="module")
def ours(api):
    """One of everything, made once; no request of an outsider changes it."""
    return {kind: maker(api) for kind, maker in OURS.items()}


def snapshot(api, kind, names):
    """Everything of it, as its owner sees it."""
    return rest.expect_data(api.get(f"{kind}/{names['id']}"))


@pytest.mark.parametrize("endpoint", ROUTES, ids=lambda endpoint: endpoint.name)
def test_it_is_not_there(endpoint, outsider, ours, api):
    """404, exactly as if there were no such thing, and nothing changes."""
    kind = kind_of(endpoint)
    names = ours[kind]
    before = snapshot(api, kind, names)
    body = BODIES.get(endpoint.path.rsplit("/", 1)[1], {}) if endpoint.has_json_body else NOTHING
    if body == {"entitlementIds": []}:
        # One of the outsider's own, so that only the resource is strange.
        body = {"entitlementIds": [given.entitlement()(outsider)["id"]]}
    row = Row(endpoint.name, 404, body=body)
    foreign = rest.expect_error(row.send(outsider, names), 404)
    assert foreign["code"] == "NOT_FOUND"
    absent_names = names | {"id": str(uuid.uuid4()), "key": "LIC-0000-0000-0000-0000"}
    absent = rest.expect_error(row.send(outsider, absent_names), 404)
    assert foreign["error"].replace(names["id"], "") == absent["error"].replace(absent_names["id"], "")
    assert snapshot(api, kind, names) == before


@pytest.mark.parametrize("endpoint", LISTS, ids=lambda endpoint: endpoint.name)
def test_lists_show_nothing_of_it(endpoint, outsider, ours, api):
    mine = {one["id"] for one in api.get(endpoint.path, params={"limit": 100}).json()["data"]}
    page = outsider.get(endpoint.path, params={"limit": 100}).json()
    assert not mine & {one["id"] for one in page["data"]}
    # Nor when it is named as where to go on, or what to filter by.
    if endpoint.path in ours:
        identifier = ours[endpoint.path]["id"]
        cursor = outsider.get(endpoint.path, params={"limit": 100, "cursor": identifier})
        assert cursor.status_code in (200, 400), cursor.text
        assert identifier not in cursor.text
    names = ours["/machines"] | {"resourceId": ours["/licenses"]["id"]}
    for filter_name in set(endpoint.parameters("query")) & set(names):
        page = outsider.get(endpoint.path, params={filter_name: names[filter_name]}).json()
        assert page["data"] == [], filter_name


def test_nothing_can_be_attached_to_it(outsider, ours, api):
    """A body that points at what is A's points at nothing."""
    catalogue = outsider.catalogue()
    own = outsider.license(catalogue)
    entitlement = ours["/entitlements"]["id"]
    license = ours["/licenses"]
    for path, body in [
        ("/policies", {"productId": ours["/products"]["id"], "name": "P", "maxMachines": 1}),
        ("/licenses", {"productId": license["productId"], "policyId": license["policyId"]}),
        ("/licenses", {"productId": catalogue.product["id"], "policyId": ours["/policies"]["id"]}),
        ("/licenses/bulk", {"licenses": [
            {"productId": license["productId"], "policyId": license["policyId"]}]}),
        (f"/licenses/{own['id']}/entitlements", {"entitlementIds": [entitlement]}),
        (f"/policies/{catalogue.policy['id']}/entitlements", {"entitlementIds": [entitlement]}),
        (f"/licenses/{own['id']}/entitlements", {"entitlementCodes": [ours["/entitlements"]["entitlementCode"]]}),
        ("/machines", {"licenseId": license["id"], "fingerprint": given.fingerprint()}),
    ]:  # fmt: skip
        refused = rest.expect_error(outsider.post(path, body), 422)
        assert refused["code"] == "REFERENCE_NOT_FOUND", (path, refused)
    change = outsider.send("PATCH", f"/licenses/{own['id']}", json={"policyId": ours["/policies"]["id"]})
    assert rest.expect_error(change, 422)["code"] == "REFERENCE_NOT_FOUND"
    assert snapshot(api, "/licenses", license)["machineCount"] == 1


def test_an_export_holds_none_of_it(outsider, ours):
    assert ours["/licenses"]["id"] not in outsider.get("/licenses/export").text


def test_users_of_another_account_are_not_there(foreign_owner, api):
    """Users are above the environments, so only another account is outside."""
    ours = given.user()(api)
    invitation = given.invitation()(api)
    for method, path, body in [
        ("GET", f"/users/{ours['id']}", None), ("PATCH", f"/users/{ours['id']}", {"name": "x"}),
        ("DELETE", f"/users/{ours['id']}", None), ("POST", f"/users/{ours['id']}/password-reset", None),
        ("DELETE", f"/users/{ours['id']}/second-factor", None), ("DELETE", f"/invitations/{invitation['id']}", None),
        ("DELETE", f"/sessions/{given.session()(api)['id']}", None),
    ]:  # fmt: skip
        options = {"json": body} if body else {}
        rest.expect_error(foreign_owner.send(method, f"/api/dashboard{path}", **options), 404)
    listed = foreign_owner.get("/api/dashboard/users").json()["data"]
    assert [one["id"] for one in listed] == [foreign_owner.id]
    assert foreign_owner.get("/api/dashboard/invitations").json()["data"] == []


def test_numbers_do_not_count_it(outsider, api):
    before = rest.expect_data(outsider.get("/analytics"))
    given.machine()(api)
    after = rest.expect_data(outsider.get("/analytics"))
    for group in ("licenses", "machines", "activations"):
        assert after[group] == before[group]


def test_uniqueness_ends_at_the_border(outsider, api):
    """The same codes, addresses and fingerprints may be used on both sides."""
    product = api.product()
    outsider.product(code=product["code"])
    feature, customer = given.entitlement()(api), given.customer()(api)
    body = {"code": feature["entitlementCode"], "name": "Feature"}
    rest.expect_data(outsider.post("/entitlements", body), 201)
    rest.expect_data(outsider.post("/customers", {"email": customer["email"]}), 201)
    fingerprint = given.fingerprint()
    for client in (api, outsider):
        names = given.license({"fingerprintUniqueness": "PER_ACCOUNT"})(client)
        body = {"licenseId": names["id"], "fingerprint": fingerprint}
        rest.expect_data(client.post("/machines", body), 201)
