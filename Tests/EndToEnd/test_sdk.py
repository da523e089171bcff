"""The unmodified `licentric` package from PyPI, with only its base URL and its CA changed."""

import importlib.metadata

import pytest
from licentric import Licentric
from licentric.exceptions import (
    AuthenticationError,
    BusinessRuleError,
    ConflictError,
    ForbiddenError,
    LicenseBannedError,
    LicenseExpiredError,
    LicenseRevokedError,
    LicenseSuspendedError,
    LicentricError,
    MachineLimitExceededError,
    NotFoundError,
    SignatureVerificationError,
    ValidationError,
)

from harness import flaky, given, processes, rest, topology


@pytest.fixture
def client(deployment, monkeypatch, tmp_path):
    """Makes SDK clients. Their cache, which would hide the server, is off."""
    monkeypatch.setenv("SSL_CERT_FILE", deployment.ca_file)
    monkeypatch.setenv("HOME", str(tmp_path))
    made = []

    def make(api_key=deployment["LATCHKEY_TEST_API_KEY"], **options):
        options = {
            "signing_key": deployment["LATCHKEY_SIGNING_KEY"],
            "base_url": deployment.url,
            "max_retries": 0,
            **options,
        }
        one = Licentric(api_key=api_key, cache_ttl=0, **options)
        made.append(one)
        return one

    yield make
    for one in made:
        one._client.close()


def test_what_a_user_is_shown_with_a_key_is_all_that_a_client_needs(client, api):
    made = rest.expect_data(api.owner.post("/api/dashboard/api-keys", {"name": "Shop"}), 201)
    for name, twin in (("plainKey", "plain_key"), ("signingKey", "signing_key"), ("publicKey", "public_key")):
        assert made[name] == made[twin]
    names = given.license(machines=1)(api)
    sdk = client(made["plainKey"], signing_key=made["signingKey"])
    assert sdk.validate(names["key"]).valid
    file = sdk.checkout(names["id"], names["fingerprint"]).certificate.encode()
    assert sdk.verify_offline(file, made["publicKey"]).valid
    with pytest.raises(SignatureVerificationError):
        client(made["plainKey"], signing_key=made["plainKey"]).validate(names["key"])


def test_it_is_the_published_version():
    assert importlib.metadata.version("licentric") == "0.3.0"


def test_validate_says_valid(client, api, catalogue):
    issued = api.license(catalogue, name="Studio seat")
    result = client().validate(issued["key"])
    assert result.valid and result.code == "VALID"
    assert result.license.id == issued["id"] and result.license.name == "Studio seat"
    assert result.entitlements == [] and result.machine is None


def test_validate_says_not_found(client):
    result = client().validate("LIC-0000-0000-0000-0000")
    assert not result.valid and result.code == "NOT_FOUND" and result.license is None


def test_validate_says_expired(client, api, catalogue):
    issued = api.license(catalogue, expiresAt=rest.moment(seconds=1))
    result = processes.poll(
        lambda: (r := client().validate(issued["key"])).code == "EXPIRED" and r, 8, "EXPIRED"
    )
    assert not result.valid and result.license.status == "expired"


@pytest.mark.parametrize("action, code", [("suspend", "SUSPENDED"), ("revoke", "REVOKED"), ("ban", "BANNED")])
def test_validate_says_what_was_done(action, code, client, api):
    names = given.license(do=[action])(api)
    result = client().validate(names["key"])
    assert not result.valid and result.code == code


def test_validate_says_used_up(client, api):
    names = given.license({"maxUses": 1})(api)
    sdk = client()
    assert sdk.validate(names["key"]).code == "VALID"
    assert sdk.validate(names["key"]).code == "USES_EXCEEDED"


def test_validate_with_fingerprint_and_entitlements(client, api, catalogue):
    names = given.license({"requireFingerprint": True}, machines=1, entitled=True)(api)
    sdk, key = client(), names["key"]
    both = sorted([names["policyCode"], names["licenseCode"]])
    result = sdk.validate(key, fingerprint=names["fingerprint"], entitlements=both)
    assert result.valid and result.entitlements == both
    assert result.machine.id == names["machineId"]
    assert sdk.validate(key).code == "FINGERPRINT_NOT_FOUND"
    result = sdk.validate(key, fingerprint=names["fingerprint"], entitlements=["export_pdf"])
    assert not result.valid and result.code == "ENTITLEMENTS_MISSING"
    assert sdk.validate("LIC-0000-0000-0000-0000", fingerprint="f" * 64).code == "NOT_FOUND"


def test_a_wrong_signing_key_is_noticed(client, api, catalogue):
    issued = api.license(catalogue)
    with pytest.raises(SignatureVerificationError):
        client(signing_key="0" * 64).validate(issued["key"])


def test_get_license_parses(client, api, catalogue):
    issued = api.license(catalogue, userEmail="pat@studio.example", metadata={"seats": 3})
    license = client().get_license(issued["id"])
    assert license.id == issued["id"] and license.status == "active"
    assert license.user_email == "pat@studio.example" and license.metadata == {"seats": 3}
    assert license.policy.id == catalogue.policy["id"] and license.machines == []


def test_get_license_by_key_parses(client, api, catalogue):
    issued = api.license(catalogue)
    assert client().get_license_by_key(issued["key"]).id == issued["id"]
    for odd in ("no such key", "a/b", "ü", "a%2Fb", "a?b#c"):
        with pytest.raises(NotFoundError):
            client().get_license_by_key(odd)


def test_a_wrong_api_key_raises_authentication_error(client):
    with pytest.raises(AuthenticationError) as raised:
        client(api_key="lk_test_" + "a" * 36).get_license("0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c11")
    assert raised.value.code == "UNAUTHORIZED"


def test_a_missing_license_raises_not_found_error(client):
    with pytest.raises(NotFoundError):
        client().get_license("0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c11")


def test_a_missing_scope_raises_forbidden_error(client, api, catalogue):
    key = api.api_key(scopes=["products:read"])["key"]
    issued = api.license(catalogue)
    with pytest.raises(ForbiddenError):
        client(api_key=key).get_license(issued["id"])


def test_bad_input_raises_validation_error(client):
    with pytest.raises(ValidationError) as raised:
        client().validate("LIC-0000-0000-0000-0000", fingerprint="short")
    assert [issue["path"] for issue in raised.value.details["issues"]] == [["fingerprint"]]


# Machines


def test_a_machine_from_activation_to_deactivation(client, api):
    names = given.license({"requireFingerprint": True, "requireHeartbeat": True})(api)
    sdk, key, fingerprint = client(), names["key"], given.fingerprint()
    assert sdk.validate(key, fingerprint=fingerprint).code == "FINGERPRINT_NOT_FOUND"
    machine = sdk.activate(key, fingerprint, name="atelier-01", platform="linux")
    assert machine.fingerprint == fingerprint and machine.name == "atelier-01"
    assert machine.license_id == names["id"] and machine.heartbeat_status == "NOT_STARTED"
    assert sdk.validate(key, fingerprint=fingerprint).code == "HEARTBEAT_REQUIRED"
    sdk.heartbeat(machine.id, key)
    result = sdk.validate(key, fingerprint=fingerprint)
    assert result.valid and result.machine.heartbeat_status == "ALIVE"
    license = sdk.get_license(names["id"])
    assert [one.id for one in license.machines] == [machine.id]
    assert license.machines[0].last_heartbeat_at is not None
    sdk.deactivate(machine.id, key)
    assert sdk.validate(key, fingerprint=fingerprint).code == "FINGERPRINT_NOT_FOUND"
    for gone in (sdk.deactivate, sdk.heartbeat):
        with pytest.raises(NotFoundError):
            gone(machine.id, key)


def test_the_same_machine_twice_is_one(client, api):
    names = given.license({"maxMachines": 1})(api)
    sdk, fingerprint = client(), given.fingerprint()
    first = sdk.activate(names["key"], fingerprint)
    assert sdk.activate(names["key"], fingerprint).id == first.id


def test_a_full_license_raises_machine_limit_exceeded_error(client, api):
    names = given.license({"maxMachines": 2}, machines=2)(api)
    with pytest.raises(MachineLimitExceededError) as raised:
        client().activate(names["key"], given.fingerprint())
    assert raised.value.details == {"max": 2, "current": 2}


def test_a_full_floating_license_raises_business_rule_error(client, api):
    names = given.license({"maxMachines": 1, "floating": True}, machines=1)(api)
    with pytest.raises(BusinessRuleError) as raised:
        client().activate(names["key"], given.fingerprint())
    assert raised.value.code == "FLOATING_LIMIT_EXCEEDED"
    assert raised.value.details == {"max": 1, "current": 1}


STATES = {
    "suspended": (given.license(machines=1, do=["suspend"]), LicenseSuspendedError),
    "revoked": (given.license(machines=1, do=["revoke"]), LicenseRevokedError),
    "banned": (given.license(machines=1, do=["ban"]), LicenseBannedError),
    "expired": (given.expired(machines=1), LicenseExpiredError),
}


@pytest.mark.parametrize("state", STATES)
def test_a_license_in_a_bad_state_raises_its_error(state, client, api):
    """Activating and heartbeats are refused; deactivating is allowed always."""
    maker, error = STATES[state]
    names = maker(api)
    sdk = client()
    for call in (
        lambda: sdk.activate(names["key"], given.fingerprint()),
        lambda: sdk.heartbeat(names["machineId"], names["key"]),
    ):
        with pytest.raises(error) as raised:
            call()
        assert raised.value.status_code == 409
    sdk.deactivate(names["machineId"], names["key"])


def test_a_machine_of_another_license_raises_conflict_error(client, api):
    """Where the policy wants a fingerprint on one license only."""
    catalogue = api.catalogue(fingerprintUniqueness="PER_POLICY")
    first, second = api.license(catalogue), api.license(catalogue)
    sdk, fingerprint = client(), given.fingerprint()
    sdk.activate(first["key"], fingerprint)
    with pytest.raises(ConflictError):
        sdk.activate(second["key"], fingerprint)


def test_a_wrong_license_key_raises_authentication_error(client):
    with pytest.raises(AuthenticationError):
        client().activate("LIC-0000-0000-0000-0000", given.fingerprint())


# Retries


@pytest.fixture
def broken_line(deployment):
    """A proxy that loses answers, in front of the gateway."""
    with flaky.proxy(deployment) as one:
        yield one


def test_a_lost_answer_makes_no_second_machine(client, api, broken_line):
    """The activation was committed; the SDK does not know, and repeats it."""
    names = given.license({"maxMachines": 3})(api)
    sdk = client(base_url=broken_line.url, max_retries=3)
    broken_line.lose(1)
    fingerprint = given.fingerprint()
    machine = sdk.activate(names["key"], fingerprint)
    assert broken_line.lost == [201], "it was activated when the answer was lost"
    shown = rest.expect_data(api.get(f"/licenses/{names['id']}"))
    assert [one["id"] for one in shown["machines"]] == [machine.id] and shown["machineCount"] == 1
    events = api.get("/audit-events", params={"resourceId": machine.id}).json()["data"]
    assert [event["action"] for event in events] == ["machine.activate"]


def test_a_lost_answer_of_a_heartbeat_does_no_harm(client, api, broken_line):
    names = given.machine()(api)
    sdk = client(base_url=broken_line.url, max_retries=3)
    broken_line.lose(1)
    sdk.heartbeat(names["machineId"], names["key"])
    assert broken_line.lost == [200]


def test_a_line_that_stays_broken_is_told(client, api, broken_line):
    names = given.license()(api)
    sdk = client(base_url=broken_line.url)
    broken_line.lose(1)
    with pytest.raises(LicentricError) as raised:
        sdk.activate(names["key"], given.fingerprint())
    assert raised.value.code == "NETWORK_ERROR"


def test_a_rate_limit_is_waited_for(client, api, deployment):
    """`Retry-After` is a whole number of seconds, as small as the window allows: here one."""
    names = given.license()(api)
    settings = {"LATCHKEY_RATE_LIMITS": "on", "LATCHKEY_RATE_LIMIT_VALIDATION": "60"}
    with topology.gateway(deployment, **settings) as gateway:
        sdk = client(base_url=gateway.url, max_retries=1)
        for _ in range(60):
            sdk.validate(names["key"])
        assert sdk.validate(names["key"]).valid
