"""What whoever runs `latchkey up` may set for the services, in its environment or a file."""

import subprocess

import pytest

from harness import deployment as deployments
from harness import processes, rest

SETTINGS = {
    "LATCHKEY_PRODUCTS_MAX": "2",
    "LATCHKEY_LICENSES_MAX": "1",
    "LATCHKEY_LEAKED_API_KEYS": "rotate",
    "LATCHKEY_LEAKED_API_KEYS_OVERLAP_SECONDS": "3600",
    "LATCHKEY_LEAKED_LICENSE_KEYS": "suspend",
    "LATCHKEY_RATE_LIMIT_MANAGEMENT": "117",
    "LATCHKEY_WEBHOOKS_ALLOWED_RANGES": "10.1.0.0/16,fd12::/16",
    "LATCHKEY_LOG_LEVEL": "warning",
}


@pytest.fixture(scope="module")
def limited(logs, tmp_path_factory):
    """A deployment with settings, and two things in its environment that no service may have. One setting is in a file
    alone, and one there as well, where it does not count."""
    file = tmp_path_factory.mktemp("settings") / "latchkey.conf"
    file.write_text("LATCHKEY_LOG_LEVEL=warning\nLATCHKEY_PRODUCTS_MAX=9\n")
    shell = {name: value for name, value in SETTINGS.items() if name != "LATCHKEY_LOG_LEVEL"}
    others = {"LATCHKEY_DATABASE_URL": "host=elsewhere.example", "SHELL_SECRET": "hunter2"}
    one = deployments.Deployment(
        logs / "latchkey-up-limited.log", rate_limits="on", settings=shell | others, config=file
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


@pytest.mark.parametrize(
    "url, status",
    [
        ("https://10.1.2.3/hook", 201),
        ("http://10.1.2.3:8080/hook", 201),  # `latchkey up` allows it.
        ("https://[fd12::1]/hook", 201),
        ("https://10.2.0.1/hook", 400),
        ("https://192.168.0.1/hook", 400),
        ("https://169.254.169.254/hook", 400),
        ("http://8.8.8.8/hook", 400),
    ],
)
def test_webhooks_may_be_sent_to_the_operator_s_ranges(url, status, api):
    answer = api.post("/webhooks", {"url": url, "events": ["webhook.disabled"]})
    assert answer.status_code == status, answer.text
    if status == 400:
        assert [issue["path"] for issue in answer.json()["details"]["issues"]] == [["url"]]


def test_a_file_may_not_hold_other_settings(tmp_path):
    file = tmp_path / "latchkey.conf"
    file.write_text("LATCHKEY_PRODUCTS_MAX=2\nLATCHKEY_DATABASE_URL=host=elsewhere.example\n")
    done = subprocess.run(
        [processes.binary("latchkey"), "up", "--data-dir", tmp_path / "data", "--config", file],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert f"{file}:2: LATCHKEY_DATABASE_URL is not a setting that can be made there" in done.stderr
    assert not (tmp_path / "data").exists()
