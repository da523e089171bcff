"""What whoever runs `latchkey up` may set for the services, in its environment."""

import pytest

from harness import deployment as deployments
from harness import rest

SETTINGS = {
    "LATCHKEY_PRODUCTS_MAX": "2",
    "LATCHKEY_LICENSES_MAX": "1",
    "LATCHKEY_LEAKED_API_KEYS": "rotate",
    "LATCHKEY_LEAKED_API_KEYS_OVERLAP_SECONDS": "3600",
    "LATCHKEY_LEAKED_LICENSE_KEYS": "suspend",
    "LATCHKEY_RATE_LIMIT_MANAGEMENT": "117",
    "LATCHKEY_LOG_LEVEL": "warning",
}


@pytest.fixture(scope="module")
def limited(logs):
    """A deployment with settings, and two things in its environment that no service may have."""
    others = {"LATCHKEY_DATABASE_URL": "host=elsewhere.example", "SHELL_SECRET": "hunter2"}
    one = deployments.Deployment(
        logs / "latchkey-up-limited.log", rate_limits="on", settings=SETTINGS | others
    )
    one.start()
    yield one
    assert not one.stop()


@pytest.fixture(scope="module")
def api(limited):
    with rest.Api(limited, limited["LATCHKEY_TEST_API_KEY"]) as client:
        yield client


@pytest.fixture(scope="module")
def catalogue(api):
    return api.catalogue()


def test_it_says_which_it_has_passed_on(limited):
    said = limited.log.read_text()
    assert "with " + ", ".join(f"{name}={SETTINGS[name]}" for name in sorted(SETTINGS)) in said
    assert "elsewhere.example" not in said and "hunter2" not in said


def test_the_services_have_their_own_and_nothing_else(limited):
    seen = {}
    for service in deployments.SERVICES:
        text = open(f"/proc/{limited.pid(service)}/environ").read()
        assert "elsewhere.example" not in text and "hunter2" not in text
        environment = dict(entry.split("=", 1) for entry in text.split("\0") if entry)
        seen |= {name: environment[name] for name in SETTINGS if name in environment}
        assert environment["LATCHKEY_LOG_LEVEL"] == "warning"
    assert seen == SETTINGS


def test_products_and_licenses_are_limited(api, catalogue):
    """And the refusal says by how much."""
    api.product()
    refused = rest.expect_error(api.post("/products", {"name": "P", "code": "third"}), 422)
    assert refused["code"] == "PLAN_LIMIT_EXCEEDED" and "2 products" in refused["error"]
    assert refused["details"] == {"max": 2, "current": 2}
    license = api.license(catalogue)
    body = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"]}
    refused = rest.expect_error(api.post("/licenses", body), 422)
    assert refused["code"] == "PLAN_LIMIT_EXCEEDED" and "1 active licenses" in refused["error"]
    assert refused["details"] == {"max": 1, "current": 1}
    # A license that is over makes room.
    rest.expect_data(api.post(f"/licenses/{license['id']}/revoke"))
    api.license(catalogue)


def test_leaks_are_answered_by_policy(limited, api, catalogue):
    key = api.api_key()["key"]
    answer = rest.expect_data(api.post("/leaks/api-keys", {"secret": key}))
    assert answer == {"kind": "apiKey", "action": "retiring"}
    licenses = rest.expect_data(api.get("/licenses", params={"status": "active"}))
    for license in licenses:
        rest.expect_data(api.post(f"/licenses/{license['id']}/revoke"))
    key = api.license(catalogue)["key"]
    answer = rest.expect_data(api.post("/leaks/license-keys", {"secret": key}))
    assert answer == {"kind": "licenseKey", "action": "suspended"}


def test_rate_limits_are_the_operator_s(api):
    assert api.get("/products").headers["x-ratelimit-limit"] == "117"
