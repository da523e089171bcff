"""Users of the dashboard over TLS, through two gateways: what they may do, and that it ends at once."""

import time
import urllib.parse

import pytest

from harness import given, openapi, processes, rest, topology, users
from harness.contract import ABSENT

# A gateway uses a verdict for 500 ms; the promise is a second.
EFFECT_SECONDS = 1


@pytest.fixture(scope="module")
def second(deployment):
    """Another gateway in front of the same services."""
    with topology.gateway(deployment) as gateway:
        yield gateway


def expect_ended_soon(user, since):
    """The session is refused `EFFECT_SECONDS` after `since`, by the monotonic clock, and from then on."""
    refused = processes.poll(
        lambda: (r := user.get("/products")).status_code != 200 and r,
        EFFECT_SECONDS + 1,
        "the session is refused",
    )
    seconds = time.monotonic() - since
    assert seconds < EFFECT_SECONDS, f"refused after {seconds:.3f} s"
    for _ in range(20):
        rest.expect_error(user.get("/products"), 401)


def test_a_session_works_through_every_gateway(api, second):
    near = api.owner.invite("developer")
    far = near.at(second.url)
    made = rest.expect_data(near.post("/products", {"name": "A", "code": f"a-{near.id[-12:]}", "keyPrefix": "LIC"}), 201)
    assert rest.expect_data(far.get(f"/products/{made['id']}")) == made
    event = api.get("/audit-events", params={"resourceId": made["id"]}).json()["data"][0]
    assert event["actor"] == {"kind": "user", "id": near.id}


# Ways to end a session, each by whoever may; the session is the second of the user.
ENDS = {
    "logout": lambda owner, user, other: other.send("POST", "/api/dashboard/logout"),
    "revoked by its user": lambda owner, user, other: user.send(
        "DELETE", f"/api/dashboard/sessions/{rest.expect_data(other.get('/api/dashboard/me'))['sessionId']}"
    ),
    "another password": lambda owner, user, other: user.post(
        "/api/dashboard/me/password", {"currentPassword": users.PASSWORD, "newPassword": "a donkey in the garden"}
    ),
    "locked out": lambda owner, user, other: owner.send(
        "PATCH", f"/api/dashboard/users/{user.id}", json={"disabled": True}
    ),
    "removed": lambda owner, user, other: owner.send("DELETE", f"/api/dashboard/users/{user.id}"),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_a_session_that_ends_is_refused_everywhere_within_a_second(end, deployment, second, api):
    user = api.owner.invite("developer")
    other = users.User(deployment)
    rest.expect_data(other.login(email=user.email))
    near, far = other.at(deployment.url), other.at(second.url)
    assert near.get("/products").status_code == far.get("/products").status_code == 200
    assert ENDS[end](api.owner, user, other).is_success
    since = time.monotonic()
    rest.expect_error(near.get("/products"), 401)
    expect_ended_soon(far, since)
    # Only another password leaves its user in, who has another token from then on.
    assert user.get("/products").status_code == (200 if end in ("logout", "revoked by its user", "another password")
                                                 else 401)  # fmt: skip


def test_another_role_counts_everywhere_within_a_second(second, api):
    user = api.owner.invite("developer")
    far = user.at(second.url)
    product = {"name": "A", "code": f"b-{user.id[-12:]}", "keyPrefix": "LIC"}
    assert far.get("/products").status_code == 200
    one = f"/api/dashboard/users/{user.id}"
    rest.expect_data(api.owner.send("PATCH", one, json={"role": "read-only"}))
    processes.poll(
        lambda: far.post("/products", product).status_code == 403, EFFECT_SECONDS, "the role is obeyed"
    )
    assert far.token != user.token, "a change of role exchanges the token"


def test_the_environments_are_two_worlds(api, live_api):
    """By the header of each request; test data where it says nothing."""
    mine = given.customer()(api)["id"]
    theirs = given.customer()(live_api)["id"]
    owner = api.owner
    for environment, visible, hidden in [(None, mine, theirs), ("test", mine, theirs), ("live", theirs, mine)]:
        rest.expect_data(owner.get(f"/customers/{visible}", environment=environment))
        rest.expect_error(owner.get(f"/customers/{hidden}", environment=environment), 404)


def test_an_api_key_goes_before_the_cookie(api, live_api):
    theirs = given.customer()(live_api)["id"]
    headers = {"authorization": f"Bearer {live_api.key}"}
    rest.expect_data(api.owner.get(f"/customers/{theirs}", headers=headers))
    bad = {"authorization": "Bearer lk_live_" + "0" * 36}
    rest.expect_error(api.owner.get("/customers", headers=bad), 401)


def test_another_site_can_change_nothing(deployment, api):
    """What a browser would send for it: the cookie, but neither our header nor our origin."""
    user = api.owner.invite("owner")
    body = {"name": "A", "code": f"c-{user.id[-12:]}", "keyPrefix": "LIC"}
    authority = urllib.parse.urlsplit(deployment.url).netloc
    for headers, status in [
        ({"x-latchkey-csrf": ""}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": f"http://{authority}"}, 403),
        ({"origin": deployment.url, "sec-fetch-site": "same-origin"}, 201),
    ]:
        assert user.post("/products", body, headers=headers).status_code == status, headers


def test_a_login_with_a_second_factor(deployment, api):
    """With codes computed here, and recovery codes; each once."""
    user = given.user(second_factor="confirmed")(api)
    with users.User(deployment) as one:
        def attempt(code):
            challenge = rest.expect_data(one.login(email=user["email"]))["challenge"]
            return one.post("/api/dashboard/login/second-factor", {"challenge": challenge, "code": code})

        # The code that confirmed is used up; one of the step after it is good, as clocks differ.
        rest.expect_error(attempt(users.code(user["secret"], time.time() - 300)), 401)
        ahead = users.code(user["secret"], time.time() + 30)
        assert rest.expect_data(attempt(ahead))["status"] == "loggedIn"
        rest.expect_error(attempt(ahead), 401)
        assert rest.expect_data(attempt(user["recoveryCode"].lower()))["status"] == "loggedIn"
        rest.expect_error(attempt(user["recoveryCode"]), 401)
        assert rest.expect_data(one.get("/api/dashboard/me"))["recoveryCodesLeft"] == 9


def test_passwords_cannot_be_tried_without_an_end(deployment, api):
    """Nor does whoever tries find out which names there are, or keep their owner out."""
    user = api.owner.invite("support")
    for email in (user.email, users.new_email()):
        seen = []
        for number in range(12):
            with users.User(deployment, address=f"127.0.1.{number + 1}") as stranger:
                seen.append(stranger.login("wrong, for certain", email=email))
        assert [answer.status_code for answer in seen] == [401] * 10 + [429] * 2
        assert {answer.json()["error"] for answer in seen[:10]} == {
            "The e-mail address, the password or the code is wrong"
        }
        assert 1 <= int(seen[-1].headers["retry-after"]) <= 30
    rest.expect_data(user.login())


def test_no_secret_is_in_the_database_in_clear(deployment, api):
    user = given.user(second_factor="confirmed")(api)
    invitation = given.invitation()(api)
    reset = given.password_reset()(api)
    dump = deployment.dump()
    assert user["email"] in dump
    secrets = [users.PASSWORD, user["secret"], user["user"].token, user["recoveryCode"],
               user["recoveryCode"].replace("-", ""), invitation["token"], reset["token"]]  # fmt: skip
    assert not [secret for secret in secrets if secret in dump]


# Every role at every endpoint that users may come to: the roles that may, in test and in live data. An endpoint that is
# not here fails, until it is decided who may do what it does.
OWNERS = {"owner", "admin"}
BUILDERS = OWNERS | {"developer"}
SUPPORTERS = BUILDERS | {"support"}
READERS = BUILDERS | {"read-only"}
ALL = set(users.ROLES)

ALLOWED = {
    "GET /products": ALL, "GET /products/{id}": ALL, "POST /products": BUILDERS, "PATCH /products/{id}": BUILDERS,
    "DELETE /products/{id}": BUILDERS,
    "GET /policies": ALL, "GET /policies/{id}": ALL, "POST /policies": BUILDERS, "PATCH /policies/{id}": BUILDERS,
    "DELETE /policies/{id}": BUILDERS, "POST /policies/{id}/entitlements": BUILDERS,
    "DELETE /policies/{id}/entitlements": BUILDERS,
    "GET /entitlements": ALL, "GET /entitlements/{id}": ALL, "POST /entitlements": BUILDERS,
    "PATCH /entitlements/{id}": BUILDERS, "DELETE /entitlements/{id}": BUILDERS,
    "GET /licenses": ALL, "GET /licenses/{id}": ALL, "GET /licenses/by-key/{key}": ALL, "GET /licenses/export": ALL,
    "POST /licenses": SUPPORTERS, "PATCH /licenses/{id}": SUPPORTERS, "DELETE /licenses/{id}": SUPPORTERS,
    "POST /licenses/bulk": SUPPORTERS, "POST /licenses/import": SUPPORTERS,
    **{f"POST /licenses/{{id}}/{action}": SUPPORTERS
       for action in ("suspend", "reinstate", "revoke", "renew", "ban", "entitlements")},
    "DELETE /licenses/{id}/entitlements": SUPPORTERS,
    "POST /licenses/{id}/reveal-key": {"test": BUILDERS, "live": OWNERS},
    "POST /licenses/validate-key": ALL,
    "GET /customers": ALL, "GET /customers/{id}": ALL, "POST /customers": SUPPORTERS, "PATCH /customers/{id}": SUPPORTERS,
    "DELETE /customers/{id}": SUPPORTERS,
    "GET /machines": ALL, "GET /machines/{id}": ALL, "POST /machines": SUPPORTERS, "PATCH /machines/{id}": SUPPORTERS,
    "DELETE /machines/{id}": SUPPORTERS, "POST /machines/{id}/heartbeat": SUPPORTERS,
    "GET /analytics": READERS, "GET /audit-events": OWNERS,
    "POST /licenses/{id}/checkout": SUPPORTERS, "GET /licenses/{id}/files": ALL,
    **{f"POST /{path}": SUPPORTERS for path in (
        "licenses/{id}/files/revoke", "license-files/request", "license-files/release")},
    **{f"GET /{path}": READERS for path in (
        "signing-keys", "signing-keys/{id}", "signing-root/succession", "webhooks", "webhooks/{id}",
        "webhooks/{id}/deliveries", "webhooks/{id}/deliveries/{deliveryId}", "events", "events/{id}",
        "events/{id}/deliveries")},
    **{f"POST /{path}": OWNERS for path in (
        "signing-keys/rotate", "signing-keys/{id}/retire", "signing-root", "signing-root/succession")},
    **{name: BUILDERS for name in (
        "POST /webhooks", "PATCH /webhooks/{id}", "DELETE /webhooks/{id}", "POST /webhooks/{id}/test",
        "POST /webhooks/{id}/rotate-secret", "POST /webhooks/{id}/redeliver", "POST /webhooks/{id}/recover",
        "POST /webhooks/{id}/deliveries/{deliveryId}/redeliver",
        "POST /webhooks/{id}/deliveries/{deliveryId}/cancel")},
    # They sign live answers too, so no test key or session changes them.
    "GET /response-signing-keys": BUILDERS,
    **{name: {"test": set(), "live": OWNERS} for name in (
        "POST /response-signing-keys", "POST /response-signing-keys/{id}/promote",
        "DELETE /response-signing-keys/{id}")},
    "GET /api-keys": BUILDERS, "GET /api-keys/{id}": BUILDERS,
    **{name: {"test": BUILDERS, "live": OWNERS} for name in (
        "POST /api-keys", "PATCH /api-keys/{id}", "POST /api-keys/{id}/rotate", "DELETE /api-keys/{id}",
        "POST /api/dashboard/api-keys")},
    **{f"{name.split()[0]} /api/dashboard/{name.split()[1]}": ALL for name in (
        "GET me", "PATCH me", "POST me/password", "POST me/second-factor", "POST me/second-factor/confirm",
        "DELETE me/second-factor", "POST me/recovery-codes", "GET sessions", "DELETE sessions/{id}")},
    **{f"{name.split()[0]} /api/dashboard/{name.split()[1]}": OWNERS for name in (
        "GET users", "GET users/{id}", "PATCH users/{id}", "DELETE users/{id}", "DELETE users/{id}/second-factor",
        "POST users/{id}/password-reset", "POST invitations", "GET invitations", "DELETE invitations/{id}")},
}  # fmt: skip
# Ends the session that asks, whatever its role: the table's last row, so to speak.
LAST = "POST /api/dashboard/logout"

# The stream of events, which is the test environment's and does not end, is in contract/test_webhooks.py.
OPEN_TO_USERS = [
    one
    for one in openapi.endpoints()
    if one.takes_session and one.name not in (LAST, "GET /events/stream")
]


@pytest.fixture(scope="module")
def of_role(api):
    """A user of each role."""
    made = {role: api.owner.invite(role) for role in users.ROLES}
    yield made
    for user in made.values():
        user.close()


def test_each_endpoint_is_decided():
    assert {one.name for one in OPEN_TO_USERS} == set(ALLOWED)


@pytest.mark.parametrize("endpoint", OPEN_TO_USERS, ids=lambda endpoint: endpoint.name)
def test_every_role_at_every_endpoint(endpoint, of_role):
    """403 for those who may not, in either environment, and for those who may whatever comes of a body that says nothing."""
    allowed = ALLOWED[endpoint.name]
    path = endpoint.path.replace("{id}", ABSENT).replace("{key}", "LIC-0000-0000-0000-0000")
    path = path.replace("{deliveryId}", ABSENT)
    options = {"json": {}} if endpoint.has_json_body else {}
    if endpoint.name == "POST /licenses/import":
        options = {"content": b"", "headers": {"content-type": "text/csv"}}
    for environment in ("test", "live"):
        who = allowed if isinstance(allowed, set) else allowed[environment]
        for role, user in of_role.items():
            answer = user.send(endpoint.method, path, environment, **options)
            assert answer.status_code < 500 and answer.status_code not in (401, 429), answer.text
            assert (answer.status_code != 403) == (role in who), f"{role} in {environment}: {answer.text}"


@pytest.mark.parametrize("role", users.ROLES)
def test_everybody_may_leave(role, api):
    user = api.owner.invite(role)
    assert user.post("/api/dashboard/logout").status_code == 204
    assert user.token == ""
