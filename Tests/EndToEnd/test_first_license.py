"""The main job: a product, a policy, a license, and the verdict on its key."""

import json
import subprocess
import uuid

import pytest

from harness import processes, rest


@pytest.fixture(scope="module", params=["HTTP/1.1", "HTTP/2"])
def client(request, deployment):
    """The API over both versions of HTTP."""
    key = deployment["LATCHKEY_TEST_API_KEY"]
    with rest.Api(deployment, key, http2=request.param == "HTTP/2") as api:
        assert api.get("/products").http_version == request.param
        yield api


def test_a_product_has_the_fields_of_the_contract(client):
    code = f"atelier_{uuid.uuid4().hex[:8]}"
    body = {"name": "Atelier", "code": code, "keyPrefix": "ATL", "metadata": {"a": [1, None]}}
    product = rest.expect_data(client.post("/products", body), 201)
    uuid.UUID(product["id"])
    assert rest.TIMESTAMP.fullmatch(product["createdAt"])
    assert {name: product[name] for name in body} == body
    assert product["description"] is None and product["deletedAt"] is None
    assert product["licensesCount"] == 0
    assert "accountId" not in product
    assert rest.expect_data(client.get(f"/products/{product['id']}")) == product


def test_a_policy_has_the_defaults_of_the_contract(client):
    product = client.product()
    created = rest.expect_data(
        client.post("/policies", {"productId": product["id"], "name": "P", "maxMachines": 2}), 201
    )
    expected = {
        "productId": product["id"],
        "name": "P",
        "template": None,
        "maxMachines": 2,
        "maxUses": None,
        "floating": False,
        "durationDays": None,
        "expirationStrategy": "RESTRICT_ACCESS",
        "requireHeartbeat": False,
        "heartbeatIntervalMinutes": 60,
        "heartbeatCullStrategy": "DEACTIVATE_DEAD",
        "requireFingerprint": True,
        "fingerprintUniqueness": "PER_LICENSE",
        "offlineAllowed": True,
        "offlineMaxDays": 14,
        "allowMachineTransfer": False,
        "isTrial": False,
        "trialDurationDays": None,
        "overridable": True,
        "maxUniqueFingerprints": None,
        "metadata": {},
    }
    assert {name: created.get(name, "absent") for name in expected} == expected
    assert rest.expect_data(client.get(f"/policies/{created['id']}")) == created


def test_a_license_shows_its_key_once(client):
    catalogue = client.catalogue()
    issued = client.license(catalogue, name="Studio seat", userEmail="pat@studio.example")
    assert rest.LICENSE_KEY.fullmatch(issued["key"]) and issued["key"].startswith("LIC-")
    assert issued["status"] == "active" and issued["usesCount"] == 0
    assert issued["userEmail"] == "pat@studio.example" and issued["userName"] is None
    assert issued["entitlements"] == [] and issued["metadata"] == {}
    read = rest.expect_data(client.get(f"/licenses/{issued['id']}"))
    assert "key" not in read and issued["key"] not in json.dumps(read)
    assert read["policy"]["id"] == catalogue.policy["id"] and read["machines"] == []
    by_key = rest.expect_data(client.get(f"/licenses/by-key/{issued['key']}"))
    assert by_key == read
    missing = rest.expect_error(client.get(f"/licenses/{uuid.uuid4()}"), 404)
    assert missing["code"] == "NOT_FOUND"


def test_validation_says_valid_and_signs_it(client, deployment):
    issued = client.license(client.catalogue(), name="Studio seat")
    response = client.client.post(
        "/api/v1/licenses/validate-key", json={"key": issued["key"]}
    )
    verdict = rest.expect_data(response)
    assert verdict["valid"] is True and verdict["code"] == "VALID"
    assert verdict["license"] == {
        "id": issued["id"],
        "status": "active",
        "name": "Studio seat",
        "expiresAt": None,
        "maxMachinesOverride": None,
        "maxUsesOverride": None,
        "usesCount": verdict["license"]["usesCount"],
    }
    assert verdict["machine"] is None
    assert verdict["entitlements"] == [] and verdict["metadata"] == {}
    rest.expect_signature(response, deployment["LATCHKEY_SIGNING_KEY"])


def test_a_key_is_read_in_any_case_and_with_look_alikes(client):
    issued = client.license(client.catalogue())
    assert client.validate(issued["key"].lower())["code"] == "VALID"
    prefix, rest_of_key = issued["key"].split("-", 1)
    folded = rest_of_key.replace("0", "O").replace("1", "l")
    assert client.validate(f"{prefix}-{folded}")["code"] == "VALID"


def test_validation_says_not_found_and_signs_it(client, deployment):
    response = client.client.post(
        "/api/v1/licenses/validate-key", json={"key": "LIC-0000-0000-0000-0000"}
    )
    verdict = rest.expect_data(response)
    assert verdict["valid"] is False and verdict["code"] == "NOT_FOUND"
    assert verdict["license"] is None and verdict["machine"] is None
    rest.expect_signature(response, deployment["LATCHKEY_SIGNING_KEY"])


def test_validation_says_expired_once_the_time_has_come(client):
    issued = client.license(client.catalogue(), expiresAt=rest.moment(seconds=2))
    assert client.validate(issued["key"])["code"] in ("VALID", "EXPIRED")
    verdict = processes.poll(
        lambda: (v := client.validate(issued["key"]))["code"] == "EXPIRED" and v, 8, "EXPIRED"
    )
    assert verdict["valid"] is False and verdict["license"]["status"] == "expired"
    read = rest.expect_data(client.get(f"/licenses/{issued['id']}"))
    assert read["status"] == "expired"


def test_a_license_expires_by_its_policy(client):
    issued = client.license(client.catalogue(durationDays=30))
    assert rest.moment(days=29) < issued["expiresAt"] < rest.moment(days=31)


def test_lists_page_through_everything_once(client):
    made = {client.product()["id"] for _ in range(5)}
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/products", params=query).json()
        assert 1 <= len(page["data"]) <= 2, page
        seen += [item["id"] for item in page["data"]]
        cursor = page["pagination"]["nextCursor"]
        assert page["pagination"]["hasMore"] == (cursor is not None), page
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) and made <= set(seen)
    assert set(seen[:5]) == made, "newest first"


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_issues_and_validates(version, deployment):
    """What the README shows: plain curl, over both versions of HTTP."""

    def curl(path, body, *more):
        done = subprocess.run(
            [
                "curl", "-sS", version, "--cacert", deployment.ca_file,
                "-H", "content-type: application/json",
                "-w", "\n%{http_code} %{http_version}",
                "-d", json.dumps(body), *more, f"{deployment.url}/api/v1{path}",
            ],
            capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        text, last = done.stdout.rsplit("\n", 1)
        status, spoken = last.split()
        assert spoken == version.removeprefix("--http"), last
        return int(status), json.loads(text)["data"]

    key = ["-H", f"authorization: Bearer {deployment['LATCHKEY_TEST_API_KEY']}"]
    code = f"curl-{uuid.uuid4().hex[:12]}"
    status, product = curl("/products", {"name": "Curl", "code": code}, *key)
    assert status == 201
    status, policy = curl(
        "/policies",
        {
            "productId": product["id"],
            "name": "P",
            "maxMachines": 1,
            "requireFingerprint": False,
        },
        *key,
    )
    assert status == 201
    status, issued = curl(
        "/licenses", {"productId": product["id"], "policyId": policy["id"]}, *key
    )
    assert status == 201
    status, verdict = curl("/licenses/validate-key", {"key": issued["key"]})
    assert status == 200 and verdict["code"] == "VALID"
