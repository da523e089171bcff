"""The unmodified `licentric` package from PyPI, with only its base URL and its CA changed."""

import importlib.metadata

import pytest
from licentric import Licentric
from licentric.exceptions import (
    AuthenticationError,
    ForbiddenError,
    NotFoundError,
    SignatureVerificationError,
    ValidationError,
)

from harness import processes, rest


@pytest.fixture
def client(deployment, monkeypatch, tmp_path):
    """Makes SDK clients. Their cache, which would hide the server, is off."""
    monkeypatch.setenv("SSL_CERT_FILE", deployment.ca_file)
    monkeypatch.setenv("HOME", str(tmp_path))
    made = []

    def make(api_key=deployment["LATCHKEY_TEST_API_KEY"], **options):
        options = {"signing_key": deployment["LATCHKEY_SIGNING_KEY"], **options}
        one = Licentric(
            api_key=api_key, base_url=deployment.url, cache_ttl=0, max_retries=0, **options
        )
        made.append(one)
        return one

    yield make
    for one in made:
        one._client.close()


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


def test_validate_with_fingerprint_and_entitlements(client, api, catalogue):
    issued = api.license(catalogue)
    result = client().validate(issued["key"], entitlements=["export_pdf"])
    assert not result.valid and result.code == "ENTITLEMENTS_MISSING"
    assert client().validate("LIC-0000-0000-0000-0000", fingerprint="f" * 64).code == "NOT_FOUND"


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
