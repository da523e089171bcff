"""What the contract says that answers look like: every field, its type, and whether it may be null.

Written from the contract and not from the generated OpenAPI document, so that a mistake in the one shows against the
other. A field that is not named here, and one that is missing, is a mistake: fields without a value are `null`.
"""

import base64
import re
import uuid

from . import rest


def is_uuid(value):
    return isinstance(value, str) and str(uuid.UUID(value)) == value


def is_time(value):
    return isinstance(value, str) and rest.TIMESTAMP.fullmatch(value) is not None


def is_text(value):
    return isinstance(value, str)


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_flag(value):
    return isinstance(value, bool)


def is_object(value):
    return isinstance(value, dict)


def is_day(value):
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


def nullable(rule):
    return lambda value: value is None or rule(value)


def one_of(*values):
    return lambda value: value in values


def list_of(rule):
    return lambda value: isinstance(value, list) and all(matches(rule, item) for item in value)


def matches(rule, value):
    """Whether a value is as the rule says, which is a function or a shape."""
    if callable(rule):
        return rule(value)
    expect(rule, value)
    return True


def expect(shape, value, extra=()):
    """A JSON object has exactly these fields, in any order, each as it must be."""
    assert isinstance(value, dict), value
    assert set(value) == set(shape) | set(extra), (
        f"missing: {sorted(set(shape) - set(value))}; unexpected: "
        f"{sorted(set(value) - set(shape) - set(extra))}"
    )
    for name, rule in shape.items():
        assert matches(rule, value[name]), f"{name}: {value[name]!r}"
    return value


TIMES = {"createdAt": is_time, "updatedAt": is_time}
DELETABLE = TIMES | {"deletedAt": nullable(is_time)}

PRODUCT = DELETABLE | {
    "id": is_uuid,
    "name": is_text,
    "code": is_text,
    "description": nullable(is_text),
    "keyPrefix": is_text,
    "licensesCount": is_whole,
    "metadata": is_object,
    "storeKeys": is_flag,
}

POLICY = TIMES | {
    "id": is_uuid,
    "productId": is_uuid,
    "name": is_text,
    "template": nullable(one_of("desktop_app", "cli_tool", "saas", "trial", "custom")),
    "maxMachines": nullable(is_whole),
    "maxUses": nullable(is_whole),
    "floating": is_flag,
    "durationDays": nullable(is_whole),
    "expirationStrategy": one_of("RESTRICT_ACCESS", "ALLOW_ACCESS", "REVOKE"),
    "requireHeartbeat": is_flag,
    "heartbeatIntervalMinutes": is_whole,
    "heartbeatCullStrategy": one_of("DEACTIVATE_DEAD", "KEEP_DEAD"),
    "requireFingerprint": is_flag,
    "fingerprintUniqueness": one_of("PER_LICENSE", "PER_POLICY", "PER_ACCOUNT"),
    "offlineAllowed": is_flag,
    "offlineMaxDays": is_whole,
    "allowMachineTransfer": is_flag,
    "isTrial": is_flag,
    "trialDurationDays": nullable(is_whole),
    "overridable": is_flag,
    "maxUniqueFingerprints": nullable(is_whole),
    "metadata": is_object,
    "entitlements": list_of(is_text),
}

MACHINE = DELETABLE | {
    "id": is_uuid,
    "licenseId": is_uuid,
    "fingerprint": is_text,
    "name": nullable(is_text),
    "platform": nullable(one_of("macos", "windows", "linux", "docker", "kubernetes")),
    "hostname": nullable(is_text),
    "ipAddress": nullable(is_text),
    "cores": nullable(is_whole),
    "heartbeatStatus": one_of("NOT_STARTED", "ALIVE", "DEAD"),
    "lastHeartbeatAt": nullable(is_time),
    "heartbeatDueAt": nullable(is_time),
    "metadata": is_object,
}

# In lists, and in the answer that shows the key.
LICENSE = DELETABLE | {
    "id": is_uuid,
    "name": nullable(is_text),
    "status": one_of("active", "suspended", "expired", "revoked", "banned"),
    "productId": is_uuid,
    "policyId": is_uuid,
    "userEmail": nullable(is_text),
    "userName": nullable(is_text),
    "expiresAt": nullable(is_time),
    "maxMachinesOverride": nullable(is_whole),
    "maxUsesOverride": nullable(is_whole),
    "usesCount": is_whole,
    "machineCount": is_whole,
    "entitlements": list_of(is_text),
    "suspendedAt": nullable(is_time),
    "revokedAt": nullable(is_time),
    "bannedAt": nullable(is_time),
    "metadata": is_object,
    "machines": list_of(MACHINE),
    "keyStored": is_flag,
}
ISSUED_LICENSE = LICENSE | {"key": lambda value: rest.LICENSE_KEY.fullmatch(value) is not None}
ONE_LICENSE = LICENSE | {"policy": POLICY}

ENTITLEMENT = DELETABLE | {
    "id": is_uuid,
    "code": is_text,
    "name": is_text,
    "description": nullable(is_text),
    "metadata": is_object,
}

CUSTOMER = DELETABLE | {
    "id": is_uuid,
    "email": is_text,
    "name": nullable(is_text),
    "licensesCount": is_whole,
    "metadata": is_object,
}

WEBHOOK = DELETABLE | {
    "id": is_uuid,
    "url": is_text,
    "description": nullable(is_text),
    "events": list_of(is_text),
    "productIds": list_of(is_uuid),
    "licenseMetadata": is_object,
    "apiVersion": one_of("v1"),
    "status": one_of("enabled", "disabled"),
    "disabledReason": nullable(one_of("manual", "failing", "gone")),
    "disabledAt": nullable(is_time),
    "ordering": one_of("parallel", "ordered"),
    "signatureScheme": one_of("timestamped", "legacy"),
    "caBundle": nullable(is_text),
    "maxConcurrency": is_whole,
    "maxPerSecond": nullable(is_whole),
    "previousSecretExpiresAt": nullable(is_time),
    "failingSince": nullable(is_time),
}
NEW_WEBHOOK = WEBHOOK | {"secret": lambda value: value.startswith("whsec_")}

DELIVERY_ATTEMPT = {
    "startedAt": is_time,
    "durationMs": is_whole,
    "responseStatus": nullable(is_whole),
    "error": nullable(is_text),
    "requestHead": nullable(is_text),
    "responseHead": nullable(is_text),
    "responseBody": nullable(is_text),
}
DELIVERY = {
    "id": is_uuid,
    "webhookId": is_uuid,
    "eventId": is_text,
    "eventType": is_text,
    "licenseId": nullable(is_uuid),
    "status": one_of("pending", "waiting", "succeeded", "failed", "cancelled", "skipped"),
    "attempt": is_whole,
    "responseStatus": nullable(is_whole),
    "durationMs": nullable(is_whole),
    "error": nullable(is_text),
    "createdAt": is_time,
    "nextAttemptAt": nullable(is_time),
    "finishedAt": nullable(is_time),
}
DELIVERY_IN_FULL = DELIVERY | {"attempts": list_of(lambda value: expect(DELIVERY_ATTEMPT, value) or True)}

EVENT = {
    "id": is_text,
    "type": is_text,
    "createdAt": is_time,
    "apiVersion": one_of("v1"),
    "environment": one_of("test", "live"),
    "licenseId": nullable(is_uuid),
    "sequence": nullable(is_whole),
    "data": is_object,
}
FEED = {"data": list_of(EVENT), "pagination": {"nextCursor": is_text, "hasMore": is_flag}}

API_KEY = {
    "id": is_uuid,
    "name": is_text,
    "hint": is_text,
    "environment": one_of("test", "live"),
    "fullAccess": is_flag,
    "scopes": list_of(is_text),
    "createdBy": nullable(is_uuid),
    "expiresAt": nullable(is_time),
    "revokedAt": nullable(is_time),
    "createdAt": is_time,
    "allowedAddresses": list_of(is_text),
    "lastUsedAt": nullable(is_time),
    "replaces": nullable(is_uuid),
    "replacedBy": nullable(is_uuid),
    "retiresAt": nullable(is_time),
    "leakedAt": nullable(is_time),
}
ISSUED_API_KEY = API_KEY | {"key": lambda value: rest.API_KEY.fullmatch(value) is not None}

RESPONSE_SIGNING_KEY = {
    "id": is_uuid,
    "state": one_of("active", "next", "retired"),
    "createdAt": is_time,
    "activatedAt": nullable(is_time),
    "retiredAt": nullable(is_time),
}
NEW_RESPONSE_SIGNING_KEY = RESPONSE_SIGNING_KEY | {
    "signingKey": lambda value: re.fullmatch("[0-9a-f]{64}", value) is not None
}

ISSUED_FILE = {
    "id": is_uuid,
    "serial": is_whole,
    "licenseId": is_uuid,
    "machineId": nullable(is_uuid),
    "fingerprintHash": lambda value: re.fullmatch(r"[0-9a-f]{64}", value) is not None,
    "keyId": lambda value: re.fullmatch(r"[0-9a-f]{32}", value) is not None,
    "issuedAt": is_time,
    "expiresAt": is_time,
    "revokedAt": nullable(is_time),
}
CHECK_OUT = {
    "certificate": lambda value: value.startswith("-----BEGIN LICENSE FILE-----\n"),
    "license": ONE_LICENSE,
    "fingerprint": is_text,
    "ttl": is_whole,
    "expiresAt": is_time,
    "serial": is_whole,
    "keyId": ISSUED_FILE["keyId"],
    "machineId": nullable(is_uuid),
}
SIGNING_KEY = {
    "id": is_uuid,
    "keyId": ISSUED_FILE["keyId"],
    "publicKey": lambda value: len(base64.b64decode(value, validate=True)) == 44,
    "state": one_of("next", "active", "retired", "revoked"),
    "activatesAt": nullable(is_time),
    "retiredAt": nullable(is_time),
    "revokedAt": nullable(is_time),
    "liveFiles": is_whole,
    "inSuccession": is_flag,
    "createdAt": is_time,
}
ROOT = {
    "keyId": ISSUED_FILE["keyId"],
    "publicKey": SIGNING_KEY["publicKey"],
    "createdAt": is_time,
    "successionNumber": nullable(is_whole),
}
KEYSET = {
    "keys": list_of(SIGNING_KEY),
    "root": lambda value: value is None or matches(ROOT, value),
}

# A validation shows no more than this, whoever asks.
VALIDATED_LICENSE = {
    "id": is_uuid,
    "status": LICENSE["status"],
    "name": nullable(is_text),
    "expiresAt": nullable(is_time),
    "maxMachinesOverride": nullable(is_whole),
    "maxUsesOverride": nullable(is_whole),
    "usesCount": is_whole,
}
VALIDATED_MACHINE = {
    "id": is_uuid,
    "fingerprint": is_text,
    "name": nullable(is_text),
    "heartbeatStatus": MACHINE["heartbeatStatus"],
}
CODES = one_of(
    "VALID", "NOT_FOUND", "EXPIRED", "SUSPENDED", "REVOKED", "BANNED", "ENTITLEMENTS_MISSING",
    "FINGERPRINT_NOT_FOUND", "MACHINE_LIMIT_EXCEEDED", "HEARTBEAT_REQUIRED", "USES_EXCEEDED",
)  # fmt: skip
VERDICT = {
    "valid": is_flag,
    "code": CODES,
    "license": lambda value: value is None or matches(VALIDATED_LICENSE, value),
    "machine": lambda value: value is None or matches(VALIDATED_MACHINE, value),
    "entitlements": list_of(is_text),
    "metadata": is_object,
}
RULE_CHECK = {
    "rule": is_text,
    "outcome": one_of("passed", "failed", "skipped"),
    "message": is_text,
    "current": nullable(is_whole),
    "limit": nullable(is_whole),
    "fix": nullable(is_text),
}
EXPLAINED_VERDICT = VERDICT | {"explanation": list_of(RULE_CHECK)}
ACQUISITION = {
    "valid": is_flag,
    "code": CODES,
    "license": lambda value: value is None or matches(VALIDATED_LICENSE, value),
    "machine": lambda value: value is None or matches(MACHINE, value),
    "entitlements": list_of(is_text),
    "leaseExpiresAt": nullable(is_time),
}

IMPORT = {
    "dryRun": is_flag,
    "rows": is_whole,
    "imported": is_whole,
    "badRows": is_whole,
    "issues": list_of(
        {"line": is_whole, "column": nullable(is_text), "message": is_text, "code": is_text}
    ),
}

ANALYTICS = {
    "licenses": dict.fromkeys(
        ("total", "active", "expired", "suspended", "revoked", "banned"), is_whole
    ),
    "machines": dict.fromkeys(("total", "active", "dead"), is_whole),
    "activations": {"trend": list_of({"date": is_day, "count": is_whole})},
    "validations": dict.fromkeys(("total", "successful", "failed"), is_whole),
}

AUDIT_EVENT = {
    "id": is_uuid,
    "createdAt": is_time,
    "action": is_text,
    "actor": {
        "kind": one_of("anonymous", "apiKey", "licenseKey", "user", "operator", "service"),
        "id": nullable(is_text),
    },
    "resourceType": is_text,
    "resourceId": nullable(is_uuid),
    "before": nullable(is_object),
    "after": nullable(is_object),
    "reason": nullable(is_text),
    "requestId": nullable(is_text),
    "clientAddress": nullable(is_text),
}

ROLE = one_of("owner", "admin", "developer", "support", "read-only")
USER = {
    "id": is_uuid,
    "email": is_text,
    "name": is_text,
    "role": ROLE,
    "disabledAt": nullable(is_time),
    "secondFactor": is_flag,
    "lastLoginAt": nullable(is_time),
    "createdAt": is_time,
}
ME = {
    "user": USER,
    "accountId": is_uuid,
    "accountName": is_text,
    "sessionId": is_uuid,
    "testScopes": list_of(is_text),
    "liveScopes": list_of(is_text),
    "recoveryCodesLeft": is_whole,
}
LOGIN = {"status": one_of("loggedIn", "secondFactorNeeded"), "user": lambda value: value is None or matches(USER, value)}
CHALLENGE = LOGIN | {"challenge": is_text}
SESSION = {
    "id": is_uuid,
    "current": is_flag,
    "clientAddress": nullable(is_text),
    "lastUsedAt": is_time,
    "expiresAt": is_time,
    "createdAt": is_time,
}
INVITATION = {
    "id": is_uuid,
    "email": is_text,
    "role": ROLE,
    "invitedBy": nullable(is_uuid),
    "expiresAt": is_time,
    "createdAt": is_time,
}
NEW_INVITATION = INVITATION | {"link": is_text}
NEW_PASSWORD_RESET = {
    "id": is_uuid,
    "userId": is_uuid,
    "link": is_text,
    "expiresAt": is_time,
    "createdAt": is_time,
}
NEW_SECOND_FACTOR = {"secret": is_text, "otpauthUri": is_text}
RECOVERY_CODES = {"recoveryCodes": list_of(is_text)}
DASHBOARD_API_KEY = {
    **dict.fromkeys(("id",), is_uuid),
    **dict.fromkeys(("plainKey", "plain_key", "signingKey", "signing_key", "publicKey", "public_key", "name", "hint"), is_text),
    "environment": one_of("test", "live"),
    "fullAccess": is_flag,
    "scopes": list_of(is_text),
    "createdBy": nullable(is_uuid),
    "expiresAt": nullable(is_time),
    "createdAt": is_time,
    "allowedAddresses": list_of(is_text),
}

PAGINATION = {"nextCursor": nullable(is_uuid), "hasMore": is_flag}


def page_of(shape):
    """A page of a list."""
    return {"data": list_of(shape), "pagination": PAGINATION}
