"""A REST client of one deployment, and what its answers must look like."""

import dataclasses
import datetime
import hashlib
import hmac
import http.cookiejar
import json
import re
import uuid

import httpx

from . import logscan

# Crockford's base 32, in upper case, four by four.
LICENSE_KEY = re.compile(r"[A-Z]{2,10}(-[0-9A-HJKMNP-TV-Z]{4}){4}")
API_KEY = re.compile(r"lk_(test|live)_[0-9A-Za-z]{36}")
REQUEST_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

# The error code of each status, from the contract's section 4.
CODES = {
    400: {"VALIDATION_ERROR"},
    401: {"UNAUTHORIZED"},
    403: {"FORBIDDEN"},
    404: {"NOT_FOUND"},
    405: {"METHOD_NOT_ALLOWED"},
    408: {"REQUEST_TIMEOUT"},
    409: {
        "CONFLICT",
        "LICENSE_SUSPENDED",
        "LICENSE_REVOKED",
        "LICENSE_EXPIRED",
        "LICENSE_BANNED",
    },
    413: {"PAYLOAD_TOO_LARGE"},
    415: {"UNSUPPORTED_MEDIA_TYPE"},
    422: {
        "REFERENCE_NOT_FOUND",
        "CONSTRAINT_VIOLATION",
        "BUSINESS_RULE_VIOLATION",
        "MACHINE_LIMIT_EXCEEDED",
        "FLOATING_LIMIT_EXCEEDED",
        "PLAN_LIMIT_EXCEEDED",
    },
    429: {"RATE_LIMITED"},
    431: {"HEADERS_TOO_LARGE"},
    503: {"SERVICE_UNAVAILABLE"},
}


def whole(path):
    """The whole path of an endpoint, which is named by what it has below /api/v1."""
    return path if path.startswith("/api/") else f"/api/v1{path}"


def without_cookies(client):
    """Has a client keep no cookie: a session that one request begins must not speak for the next. What it is shown of
    secrets is noted."""
    client.cookies.jar.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return logscan.watch(client)


def expect_error(response, status):
    """The error envelope of the contract with `status`; gives its body."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.headers["content-type"].startswith("application/json"), response.headers
    body = response.json()
    assert isinstance(body["error"], str) and body["error"], body
    assert body["code"] in CODES[status], body
    assert REQUEST_ID.fullmatch(body["requestId"]), body
    assert response.headers["x-request-id"] == body["requestId"], body
    assert body.get("details") is None or isinstance(body["details"], dict), body
    assert set(body) <= {"error", "code", "details", "requestId"}, body
    return body


def expect_data(response, status=200):
    """A success; gives what is in `data`."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.headers["content-type"].startswith("application/json"), response.headers
    assert REQUEST_ID.fullmatch(response.headers["x-request-id"]), response.headers
    return response.json()["data"]


def signature(response, signing_key):
    """What the contract's section 2.1.1 says that a key makes of an answer and its timestamp."""
    signed = response.headers["x-signature-timestamp"].encode() + b"." + response.content
    return hmac.new(signing_key.encode(), signed, hashlib.sha256).hexdigest()


def expect_signature(response, signing_key):
    """The response signature of the contract's section 2.1.1."""
    stamp = response.headers["x-signature-timestamp"]
    now = datetime.datetime.now(datetime.UTC).timestamp()
    assert re.fullmatch(r"\d+", stamp) and abs(now - int(stamp)) < 60, stamp
    assert response.headers["x-signature"] == signature(response, signing_key)


def moment(**ahead):
    """A time `ahead` of now, as the API writes times."""
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(**ahead)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


@dataclasses.dataclass
class Catalogue:
    """A product and a policy to issue licenses on."""

    product: dict
    policy: dict


class Api:
    """Calls as one API key makes them; `key=None` calls without a credential."""

    def __init__(self, deployment, key, http2=False, url=None):
        self.deployment = deployment
        self.key = key
        # What the products made here have as `keyPrefix` when a test does not say.
        self.key_prefix = "LIC"
        self.client = without_cookies(
            httpx.Client(
                base_url=url or deployment.url, verify=deployment.trust(), http2=http2, timeout=20
            )
        )
        self._owner = None

    @property
    def owner(self):
        """A user of the deployment's first account who may do everything, made when first asked for."""
        if self._owner is None:
            from . import users

            self._owner = users.first_owner(self.deployment)
        return self._owner

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        if self._owner is not None:
            self._owner.close()

    def send(self, method, path, **options):
        """A request with the key, to a path below /api/v1; to one of the dashboard's by a user."""
        if path.startswith("/api/dashboard") and self.key:
            return self.owner.send(method, path, **options)
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        headers.update(options.pop("headers", {}))
        return self.client.request(method, whole(path), headers=headers, **options)

    def get(self, path, **options):
        return self.send("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.send("POST", path, json=body, **options)

    def post_bytes(self, path, content, **headers):
        """A body of exactly these bytes."""
        return self.send(
            "POST", path, content=content, headers={"content-type": "application/json", **headers}
        )

    # What most tests need first.

    def product(self, **fields):
        unique = uuid.uuid4().hex[:12]
        body = {"name": "Atelier", "code": f"atelier-{unique}", "keyPrefix": self.key_prefix, **fields}
        return expect_data(self.post("/products", body), 201)

    def policy(self, product, **fields):
        body = {
            "productId": product["id"],
            "name": "Standard",
            "maxMachines": 3,
            "requireFingerprint": False,
            **fields,
        }
        return expect_data(self.post("/policies", body), 201)

    def catalogue(self, **policy_fields):
        product = self.product()
        return Catalogue(product, self.policy(product, **policy_fields))

    def license(self, catalogue, **fields):
        """A new license, its key included."""
        body = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"], **fields}
        return expect_data(self.post("/licenses", body), 201)

    def validate(self, key):
        """The verdict on a license key, asked as customers do: without a credential."""
        response = self.client.post("/api/v1/licenses/validate-key", json={"key": key})
        verdict = expect_data(response)
        assert verdict["valid"] == (verdict["code"] == "VALID"), verdict
        return verdict

    def api_key(self, **fields):
        """A new API key, made through the API."""
        return expect_data(self.post("/api-keys", {"name": "made by a test", **fields}), 201)


def compact(value):
    """JSON without blanks, as bytes."""
    return json.dumps(value, separators=(",", ":")).encode()
