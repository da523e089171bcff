"""schemathesis against the generated OpenAPI document: whatever it makes up, no error of ours, no status that the
contract does not know, and no answer that the document does not describe."""

import collections
import http.cookiejar
import json
import os
import uuid

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from harness import given, openapi, receiver, rest, rpc, users

# Another seed, or more examples, for those who want to search on.
SEED = int(os.environ.get("LATCHKEY_SCHEMATHESIS_SEED", "20261124"))
EXAMPLES_MAX = int(os.environ.get("LATCHKEY_SCHEMATHESIS_EXAMPLES", "12"))

# The contract's section 4. The document has one entry for all of them.
REFUSALS = {400, 401, 403, 404, 405, 409, 413, 415, 422, 431}

# What made-up requests cannot succeed at: they know no password, no code and no link.
PROVEN = {
    f"{method} /api/dashboard/{path}"
    for method, path in [
        ("POST", "login"), ("POST", "login/second-factor"), ("POST", "invitations/accept"),
        ("POST", "password-resets/accept"), ("POST", "me/password"), ("POST", "me/second-factor"),
        ("POST", "me/second-factor/confirm"), ("DELETE", "me/second-factor"), ("POST", "me/recovery-codes"),
        ("DELETE", "users/{id}/second-factor"),
    ]
}  # fmt: skip

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

DOCUMENT = json.loads(openapi.FILE.read_text())
ENDPOINTS = {endpoint.name: endpoint for endpoint in openapi.endpoints("/")}
# Where roots are made and keys are withdrawn, which other tests count on: they have an account of their own.
SIGNED = ("/signing-keys", "/signing-root", "/license-files", "/.well-known")

# What was answered, by endpoint.
STATUSES = collections.defaultdict(collections.Counter)

schema = schemathesis.openapi.from_dict(
    DOCUMENT,
    config=SchemathesisConfig(
        seed=SEED,
        projects=ProjectsConfig(
            default=ProjectConfig(
                # Credentials are real: those that are not have their own tests.
                generation=GenerationConfig(max_examples=EXAMPLES_MAX, with_security_parameters=False)
            )
        ),
    ),
)


@pytest.fixture(scope="module")
def session():
    with requests.Session() as one:
        # From an address of its own, whose logins may be throttled without harm to other tests.
        one.mount("https://", FromAddress())
        # Cookies are what a case has, not what an earlier one was given.
        one.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        yield one


class FromAddress(requests.adapters.HTTPAdapter):
    """Connects from another address of loopback."""

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, source_address=("127.0.0.9", 0), **options)


class Things:
    """What made-up requests are pointed at, so that they come further than 404; made anew once it is gone."""

    MAKERS = {
        "/api-keys": lambda api: {"id": api.api_key()["id"]},
        "/licenses": given.license(machines=1),
        "/machines": given.machine(),
        "/products": given.product(),
        "/policies": given.policy(),
        "/entitlements": given.entitlement(),
        "/customers": given.customer(),
        "/signing-keys": given.signing_key(),
        "/signing-root": given.signing_root(),
        "/license-files": given.both(given.file_request(), given.file_receipt()),
        "/.well-known": given.signing_root(),
        "/api/dashboard/users": given.user(),
        "/api/dashboard/sessions": given.session(),
        "/api/dashboard/invitations": given.invitation(),
        "/webhooks": given.delivery(),
        "/events": given.event(),
    }

    def __init__(self, api):
        self.api = api
        self.made = {}

    def get(self, kind):
        """One of a kind: of /licenses a machine as well, under `/machines`, and so on."""
        if kind not in self.made:
            self.made[kind] = self.MAKERS[kind](self.api)
        return self.made[kind]

    def user(self):
        """An owner who is logged in: cases log out and end sessions."""
        owner = self.api.owner
        if owner.get("/api/dashboard/me").status_code != 200:
            rest.expect_data(owner.login())
        return owner

    def forget(self, kind):
        self.made.pop(kind, None)

    def documents(self, kind):
        """What bodies may carry as a text of ours, by the field's name."""
        names = {"/license-files": ("request", "receipt"), "/signing-root": ("succession",)}.get(kind, ())
        return {name: self.get(kind)[name] for name in names}

    def fields(self):
        """What bodies and queries may name."""
        license = self.get("/licenses")
        return {
            "productId": license["productId"],
            "policyId": license["policyId"],
            "licenseId": license["licenseId"],
            "entitlementIds": [self.get("/entitlements")["id"]],
            "entitlementCodes": [self.get("/entitlements")["entitlementCode"]],
            "key": license["key"],
            "fingerprint": license["fingerprint"],
        }


@pytest.fixture(scope="module")
def things(api):
    return Things(api)


@pytest.fixture(scope="module")
def signed_things(deployment):
    """The same of an account of their own."""
    with rpc.channel(deployment, "keys") as channel:
        keys = rpc.Service(channel, "latchkey.keys.v1.Keys")
        account = str(uuid.uuid4())
        keys.CreateAccount(keys.message("CreateAccountRequest", account_id=account, name="Signer"), timeout=10)
        issue = keys.message("IssueApiKeyRequest", account_id=account, environment=1, name="signer's key")
        key = keys.IssueApiKey(issue, timeout=10).key
    with rest.Api(deployment, key) as one:
        one.account = account
        one.key_prefix = "SIGN"
        yield Things(one)


def is_good(value):
    """Whether a made-up identifier, or each of a list, is one: bad ones stay as they are."""
    try:
        return all(str(uuid.UUID(one)) for one in (value if isinstance(value, list) else [value]))
    except (ValueError, TypeError, AttributeError):
        return False


def kind_of(path):
    """What a path is about, as things are kept by."""
    if path.startswith("/.well-known"):
        return "/.well-known"
    return path.split("/{")[0] if path.startswith("/api/dashboard") else "/" + path.split("/")[3]


def aim(case, things):
    """Lets good identifiers name things that are there."""
    kind = kind_of(case.operation.path)
    parameters = case.path_parameters or {}
    if kind == "/signing-root":
        # Without one there is nothing to succeed.
        things.get(kind)
    if is_good(parameters.get("account")):
        parameters["account"] = things.get(kind)["account"]
    # An event's id is a text of its own form, which nobody makes up.
    if is_good(parameters.get("id")) or (kind == "/events" and len(parameters.get("id", "")) > 20):
        parameters["id"] = things.get(kind)["id"]
        if is_good(parameters.get("deliveryId")):
            parameters["deliveryId"] = things.get(kind)["deliveryId"]
    if kind == "/webhooks" and isinstance(case.body, dict) and isinstance(case.body.get("url"), str):
        # So is a URL that may be called.
        case.body["url"] = receiver.NOBODY
    if isinstance(case.body, dict):
        # What begins as a document is one; what is shorter stays as it was made up.
        for name, text in things.documents(kind).items():
            if isinstance(case.body.get(name), str) and len(case.body[name]) > 2:
                case.body[name] = text
    for place in (case.query, case.body):
        if isinstance(place, dict):
            for name, real in things.fields().items():
                if is_good(place.get(name)) or (name in ("key", "fingerprint") and isinstance(place.get(name), str)
                                                and len(place[name]) > 12):  # fmt: skip
                    place[name] = real
    return kind


# The stream of events does not end by itself. What a response-signing key does counts for all answers of the account:
# test_response_signing_keys.py has a deployment of its own for it.
@schema.exclude(path_regex="^/api/v1/(events/stream|response-signing-keys)").parametrize()
@hypothesis.seed(SEED)
@hypothesis.settings(
    max_examples=EXAMPLES_MAX,
    deadline=None,
    database=None,
    derandomize=False,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_the_document_describes_every_answer(case, deployment, session, things, signed_things):
    # A case may try a method that the path does not have.
    endpoint = ENDPOINTS[f"{case.operation.method.upper()} {case.operation.path.removeprefix('/api/v1')}"]
    if kind_of(case.operation.path) in SIGNED:
        things = signed_things
    kind = aim(case, things)
    if endpoint.takes_api_key:
        headers = {"Authorization": f"Bearer {things.api.key}"}
    elif endpoint.takes_session:
        headers = {"Cookie": f"{users.COOKIE}={things.user().token}"} | users.OURS
    elif endpoint.begins_session:
        headers = {}
    else:
        headers = {"Authorization": f"License {things.get('/licenses')['key']}"}
    response = case.call(
        base_url=deployment.url,
        session=session,
        headers=headers,
        verify=deployment.ca_file,
        timeout=20,
    )
    # Proofs cannot be tried without an end.
    refusals = REFUSALS | ({429} if endpoint.begins_session or endpoint.name in PROVEN else set())
    assert response.status_code in refusals or 200 <= response.status_code < 300, (
        f"seed {SEED}: {response.status_code}: {response.text}"
    )
    STATUSES[endpoint.name][response.status_code] += 1
    case.validate_response(response, checks=CHECKS)
    if endpoint.method == "DELETE" or (endpoint.method == "POST" and ("{id}" in endpoint.path or kind == "/signing-root")):
        things.forget(kind)


def test_every_operation_that_was_tried_has_succeeded(record_property):
    """Requests that are all refused say little of an operation."""
    total = sum((counts for counts in STATUSES.values()), collections.Counter())
    figures = f"seed {SEED}: {dict(sorted(total.items()))}"
    print(figures)
    record_property("figures", figures)
    never = [
        name
        for name, counts in STATUSES.items()
        if name not in PROVEN and not any(status < 300 for status in counts)
    ]
    assert not never, never
