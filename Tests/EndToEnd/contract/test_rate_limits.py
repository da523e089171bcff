"""Rate limits: every endpoint's, the headers of every answer, and by what requests are counted."""

import time

import pytest

from harness import given, openapi, rest, topology
from harness.contract import ABSENT

# Those that count by address alone are in test_leaks.py and, of logins, in the gateway's own tests: all tests come from
# one address. After a logout there is nobody left to count.
ENDPOINTS = [
    one
    for one in openapi.endpoints()
    if not (one.path.startswith("/leaks/") or one.begins_session or one.path.endswith("/logout"))
    # An answer that does not end cannot be asked for in a row, and a root is made once for the account of all tests.
    and one.name not in ("GET /events/stream", "POST /signing-root")
]
HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.fixture(scope="module")
def gateway(deployment):
    """A gateway with limits of its own, in front of the deployment's services; that of the others has none."""
    limits = {
        "VALIDATION": 3, "ACTIVATION": 2, "LICENSE": 1, "MANAGEMENT": 4, "PUBLIC": 100,
        "VALIDATION_BY_ADDRESS": 1000, "ACTIVATION_BY_ADDRESS": 1000, "LICENSE_BY_ADDRESS": 1000,
    }  # fmt: skip
    settings = {f"LATCHKEY_RATE_LIMIT_{name}": str(limit) for name, limit in limits.items()}
    with topology.gateway(deployment, LATCHKEY_RATE_LIMITS="on", **settings) as one:
        one.limits = limits
        yield one


@pytest.fixture
def limited(deployment, gateway, api):
    """A client of the gateway with limits, with an API key that has used nothing."""
    with rest.Api(deployment, api.api_key()["key"], url=gateway.url) as client:
        yield client


def told(response):
    """What the headers say: limit, remaining, and the seconds until the bucket is full."""
    limit, remaining, reset = (int(response.headers[name]) for name in HEADERS)
    assert 0 <= remaining <= limit
    seconds = reset - time.time()
    assert -2 <= seconds <= 62, seconds
    return limit, remaining


def expect_limited(response):
    body = rest.expect_error(response, 429)
    assert body["code"] == "RATE_LIMITED"
    limit, remaining = told(response)
    assert remaining == 0
    assert 1 <= int(response.headers["retry-after"]) <= 60 // limit + 1
    return limit


def path_of(endpoint):
    return endpoint.path.replace("{id}", ABSENT).replace("{key}", "LIC-0000-0000-0000-0000")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_endpoint_is_limited(endpoint, gateway, limited, api):
    """Its answers count down, whatever they are, until it is 429."""
    key = given.license()(api)["key"]
    headers = {} if endpoint.takes_api_key or endpoint.is_for_users else {"authorization": f"License {key}"}
    options = {"json": {"key": key}} if endpoint.has_json_body else {}
    if endpoint.is_public:
        limited.key = None
    client = api.owner.invite("owner").at(gateway.url) if endpoint.is_for_users else limited
    left = []
    while len(left) < 10:
        response = client.send(endpoint.method, path_of(endpoint), headers=headers, **options)
        if response.status_code == 429:
            break
        assert response.status_code < 500, response.text
        limit, remaining = told(response)
        left.append(remaining)
    assert expect_limited(response) == limit
    assert left == list(range(limit - 1, -1, -1)), left


def test_validations_are_counted_by_license_key(gateway, limited, api):
    """An office behind one address: each key has its own limit, and spellings of one key share it."""
    keys = [given.license()(api)["key"] for _ in range(3)]
    limited.key = None
    for key in keys:
        for turn in range(gateway.limits["VALIDATION"]):
            spelling = key.lower() if turn % 2 else key
            answer = limited.post("/licenses/validate-key", {"key": spelling})
            assert rest.expect_data(answer)["code"] == "VALID"
        expect_limited(limited.post("/licenses/validate-key", {"key": key}))


def test_activations_are_counted_by_license_key(gateway, limited, api):
    for names in [given.license({"maxMachines": 9})(api) for _ in range(2)]:
        headers = {"authorization": f"License {names['key']}"}
        for _ in range(gateway.limits["ACTIVATION"]):
            body = {"fingerprint": given.fingerprint()}
            rest.expect_data(limited.post("/machines", body, headers=headers), 201)
        answer = limited.post("/machines", {"fingerprint": given.fingerprint()}, headers=headers)
        expect_limited(answer)


def test_management_is_counted_by_api_key(gateway, deployment, limited, api):
    for _ in range(gateway.limits["MANAGEMENT"]):
        assert limited.get("/products").status_code == 200
    expect_limited(limited.get("/policies"))
    with rest.Api(deployment, api.api_key()["key"], url=gateway.url) as another:
        assert another.get("/products").status_code == 200


def test_who_guesses_keys_is_limited_by_address(deployment, api):
    """Bad credentials use up what their address has; a key known to be good is let through all the same."""
    with topology.gateway(deployment, LATCHKEY_RATE_LIMITS="on", LATCHKEY_RATE_LIMIT_PUBLIC="5") as strict:
        with rest.Api(deployment, api.key, url=strict.url) as client:
            assert client.get("/products").status_code == 200
            for _ in range(5):
                bad = {"authorization": "Bearer lk_test_" + "a" * 36}
                rest.expect_error(client.get("/products", headers=bad), 401)
            expect_limited(client.get("/products", headers={"authorization": ""}))
            assert client.get("/products").status_code == 200


def test_without_limits_no_answer_speaks_of_them(api):
    assert not set(HEADERS) & set(api.get("/products").headers)
