"""Checks license files by Services/Signing/FORMAT.md alone, with Python's `cryptography`; section numbers are its."""

import base64
import datetime
import hashlib
import hmac
import json
import re

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from harness import ed25519

INTEGER_MAX = 2**53 - 1
TOLERANCE = datetime.timedelta(minutes=5)


class Refusal(Exception):
    """Why something is not accepted; its first argument is the result's name."""

    @property
    def result(self):
        return self.args[0]


def refuse_unless(condition, result="MALFORMED"):
    if not condition:
        raise Refusal(result)


# 1. Armor


def unwrap(text, label, count):
    """The parts of a file as (base 64, bytes)."""
    data = text.encode() if isinstance(text, str) else text
    refuse_unless(len(data) <= 524_288)
    data = data.strip(b" \t\r\n")
    begin, end = f"-----BEGIN {label}-----".encode(), f"-----END {label}-----".encode()
    if data.startswith(begin):
        data = data[len(begin) :]
        refuse_unless(data.endswith(end))
        data = data[: -len(end)].strip(b" \t\r\n")
    parts = data.split(b".")
    refuse_unless(len(parts) == count)
    return [(part, decoded(part)) for part in parts]


def decoded(text):
    """Base 64 in its one form."""
    refuse_unless(text)
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refusal("MALFORMED") from None
    refuse_unless(base64.b64encode(data) == text)
    return data


# 2. JSON


def members(pairs):
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name twice")
    return names


def depth(value):
    if isinstance(value, dict):
        return 1 + max((depth(each) for each in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(each) for each in value), default=0)
    return 0


class Number(str):
    """A number that is no whole number, as it was written."""


def json_object(data):
    def constant(name):
        raise ValueError(name)

    def whole(digits):
        return int(digits) if digits == str(int(digits)) else Number(digits)

    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=members,
            parse_constant=constant,
            parse_float=Number,
            parse_int=whole,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # Half a surrogate pair does not encode.
    except (ValueError, RecursionError):
        raise Refusal("MALFORMED") from None
    refuse_unless(isinstance(value, dict) and depth(value) <= 40)
    version = value.get("version")
    refuse_unless(is_whole(version))
    refuse_unless(version == 1, "UNSUPPORTED_VERSION")
    return value


def is_whole(value, least=-INTEGER_MAX):
    return type(value) is int and least <= value <= INTEGER_MAX


def whole(fields, name, least, optional=False):
    value = fields.get(name)
    if value is None and optional:
        return None
    refuse_unless(is_whole(value, least))
    return value


def text(fields, name, least=1, most=2**20):
    value = fields.get(name)
    refuse_unless(type(value) is str and least <= len(value.encode()) <= most)
    return value


def fingerprint_in(fields):
    value = fields.get("fingerprint")
    refuse_unless(type(value) is str and 8 <= len(value) <= 256)
    return value


def texts(fields, name, count, least, most):
    values = fields.get(name)
    refuse_unless(isinstance(values, list) and len(values) <= count)
    refuse_unless(all(type(value) is str and least <= len(value.encode()) <= most for value in values))
    return values


def identity(fields, name):
    value = text(fields, name)
    refuse_unless(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value))
    return value.lower()


def environment_in(fields):
    refuse_unless(fields.get("environment") in ("test", "live"))
    return fields["environment"]


MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def parse_moment(value):
    match = MOMENT.fullmatch(value) if type(value) is str else None
    refuse_unless(match)
    whole_seconds, fraction, zone = match.groups()
    milliseconds = int(((fraction or "") + "000")[:3])
    try:
        at = datetime.datetime.fromisoformat(whole_seconds + zone.replace("Z", "+00:00"))
    except ValueError:
        raise Refusal("MALFORMED") from None
    return at + datetime.timedelta(milliseconds=milliseconds)


def moment(fields, name, optional=False):
    if fields.get(name) is None and optional:
        return None
    return parse_moment(fields.get(name))


# 3. Keys


def public_key(text):
    data = decoded(text.encode())
    refuse_unless(len(data) == 44 and data[:12] == ed25519.SPKI_PREFIX)
    refuse_unless(ed25519.is_strict_key(data[12:]))
    return data[12:]


def is_signed(key, signature, message):
    if not ed25519.is_strict_key(key) or not ed25519.is_strict_signature(signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


def canonical(license_key):
    match = re.fullmatch(r"([A-Za-z]{2,10})((?:-[0-9A-TV-Za-tv-z]{4}){4})", license_key, re.ASCII)
    if not match:
        return license_key
    prefix, groups = match.groups()
    return prefix.upper() + groups.upper().translate(str.maketrans("ILO", "110"))


def derive(secret, info):
    return HKDF(SHA256(), 32, salt=None, info=info).derive(secret)


def file_secret(license_key):
    return derive(canonical(license_key).encode(), b"latchkey license file secret 1")


def payload_key(secret, fingerprint):
    return derive(secret, b"latchkey license file payload 1\0" + fingerprint.encode())


def request_key(secret):
    return derive(secret, b"latchkey license request 1")


def receipt_key(secret):
    return derive(secret, b"latchkey deactivation receipt 1")


def license_key_hashes(license_key):
    found = [hashlib.sha256(form.encode()).hexdigest() for form in (canonical(license_key), license_key)]
    return found[:1] if found[0] == found[1] else found


# 4. License file


class LicenseFile:
    def __init__(self, text_of_file):
        header, payload, signature = unwrap(text_of_file, "LICENSE FILE", 3)
        refuse_unless(len(signature[1]) == 64)
        refuse_unless(28 <= len(payload[1]) <= 28 + 262_144)
        refuse_unless(len(header[1]) <= 65_536)
        self.signature = signature[1]
        self.signed = header[0] + b"." + payload[0]
        self.header_text, self.sealed = header[0], payload[1]
        fields = self.header = json_object(header[1])
        refuse_unless(text(fields, "algorithm") == "Ed25519", "UNSUPPORTED_VERSION")
        self.key_id = text(fields, "keyId", 1, 64)
        self.account = identity(fields, "accountId")
        self.environment = environment_in(fields)
        self.serial = whole(fields, "serial", 1)
        identity(fields, "licenseId")
        self.product = identity(fields, "productId")
        self.fingerprint = fingerprint_in(fields)
        texts(fields, "entitlements", 1_000, 1, 400)
        whole(fields, "maxMachines", 0, optional=True)
        moment(fields, "licenseExpiresAt", optional=True)
        self.issued_at = moment(fields, "issuedAt")
        self.not_before = moment(fields, "notBefore")
        self.expires_at = moment(fields, "expiresAt")
        whole(fields, "ttl", 0)
        refuse_unless(self.issued_at <= self.expires_at and self.not_before <= self.expires_at)

    def open(self, license_key, fingerprint):
        refuse_unless(1 <= len(license_key.encode()) <= 1_024, "WRONG_LICENSE_KEY")
        cipher = AESGCM(payload_key(file_secret(license_key), fingerprint))
        try:
            plain = cipher.decrypt(self.sealed[:12], self.sealed[12:], self.header_text)
        except InvalidTag:
            raise Refusal("WRONG_LICENSE_KEY") from None
        fields = json_object(plain)
        refuse_unless(isinstance(fields.get("license"), dict) and isinstance(fields.get("policy"), dict))
        return plain.decode()


# 5. Statements about keys


class Statement:
    LABELS = {
        "succession": "LATCHKEY SUCCESSION",
        "keyset": "LATCHKEY KEYSET",
        "revocations": "LATCHKEY REVOCATIONS",
    }

    def __init__(self, text_of_statement, kind):
        body, signature = unwrap(text_of_statement, self.LABELS[kind], 2)
        refuse_unless(len(signature[1]) == 64)
        self.signature = signature[1]
        self.signed = f"latchkey-{kind}-1:".encode() + body[0]
        fields = self.fields = json_object(body[1])
        refuse_unless(fields.get("type") == kind)
        self.key_id = text(fields, "keyId", 1, 64)
        self.place = identity(fields, "accountId"), environment_in(fields)
        self.number = whole(fields, "number", 1)
        self.issued_at = moment(fields, "issuedAt")

    def is_signed(self, key):
        return self.key_id == ed25519.key_id(key) and is_signed(key, self.signature, self.signed)

    def keys(self):
        listed = self.fields.get("keys")
        refuse_unless(isinstance(listed, list) and len(listed) <= 100)
        records = {}
        for fields in listed:
            refuse_unless(isinstance(fields, dict))
            key = public_key(text(fields, "publicKey"))
            refuse_unless(fields.get("keyId") == ed25519.key_id(key) and fields["keyId"] not in records)
            state = fields.get("state")
            refuse_unless(state in ("next", "active", "retired", "revoked"))
            retired_at = moment(fields, "retiredAt", optional=True)
            refuse_unless((retired_at is not None) == (state in ("retired", "revoked")))
            records[fields["keyId"]] = Record(key, state, moment(fields, "notBefore"), retired_at)
        return records


class Record:
    ORDER = {"next": 0, "active": 0, "retired": 1, "revoked": 2}

    def __init__(self, key, state="active", not_before=None, retired_at=None):
        self.key, self.state, self.not_before, self.retired_at = key, state, not_before, retired_at

    def restricted(self, other):
        if other is None or self.ORDER[other.state] < self.ORDER[self.state]:
            return self
        times = [each.retired_at for each in (self, other) if each.state == other.state and each.retired_at]
        return Record(self.key, other.state, self.not_before, min(times, default=None))


class Trusted:
    """Keys that count, and whose they are where a root says so."""

    def __init__(self, records, place=None, number=None, revocations=None):
        self.records, self.place, self.number, self.revocations = records, place, number, revocations

    def key(self, key_id, issued_at):
        record = self.records.get(key_id)
        refuse_unless(record, "UNKNOWN_KEY")
        refuse_unless(record.state != "revoked", "KEY_REVOKED")
        if record.state == "retired":
            refuse_unless(issued_at <= record.retired_at + TOLERANCE, "KEY_RETIRED")
        if record.not_before:
            refuse_unless(issued_at >= record.not_before - TOLERANCE, "KEY_NOT_YET_VALID")
        return record.key

    @staticmethod
    def embedded(texts_of_keys):
        keys = [public_key(each) for each in texts_of_keys]
        return Trusted({ed25519.key_id(key): Record(key) for key in keys})

    @staticmethod
    def rooted(root, document, last_seen, now):
        try:
            succession, entry = Trusted.succession(public_key(root), document, now)
            records = succession.keys()
        except Refusal:
            raise Refusal("INVALID_KEYS") from None
        refuse_unless(succession.number >= (last_seen or 1), "KEYS_ROLLBACK")
        trusted = Trusted(records, succession.place, succession.number, entry.get("revocations"))
        if entry.get("keyset") is None:
            return trusted
        try:
            keyset = Statement(text(entry, "keyset"), "keyset")
            key = trusted.key(keyset.key_id, keyset.issued_at)
            refuse_unless(keyset.is_signed(key) and keyset.place == succession.place)
            refuse_unless(keyset.issued_at <= now + TOLERANCE)
            later = keyset.keys()
            refuse_unless(keyset.key_id in later and later[keyset.key_id].state == "active")
        except Refusal:
            raise Refusal("INVALID_KEYS") from None
        trusted.records = {name: record.restricted(later.get(name)) for name, record in records.items()}
        return trusted

    @staticmethod
    def succession(root, document, now):
        fields = json_object(document.encode())
        account = identity(fields, "accountId")
        entries = fields.get("keysets")
        refuse_unless(isinstance(entries, list) and len(entries) <= 2)
        for entry in entries:
            environment_in(entry)
            statement = Statement(text(entry, "succession"), "succession")
            if statement.is_signed(root):
                refuse_unless(statement.place == (account, entry["environment"]))
                refuse_unless(statement.issued_at <= now + TOLERANCE)
                return statement, entry
        raise Refusal("INVALID_SIGNATURE")


def revocation_list(text_of_list, trusted, now):
    try:
        statement = Statement(text_of_list, "revocations")
        refuse_unless(statement.is_signed(trusted.key(statement.key_id, statement.issued_at)))
        refuse_unless(trusted.place in (None, statement.place))
        refuse_unless(statement.issued_at <= now + TOLERANCE)
        serials = statement.fields.get("serials")
        refuse_unless(isinstance(serials, list) and len(serials) <= 10_000)
        refuse_unless(all(is_whole(serial, 1) for serial in serials))
        refuse_unless(serials == sorted(set(serials)))
        first = statement.fields.get("firstSerial")
        refuse_unless(first is None or is_whole(first, 1))
    except Refusal:
        raise Refusal("INVALID_REVOCATIONS") from None
    return statement


# 6. Checking a license file


def verify(case):
    """The result of a row of vectors/verification.json, and the payload that was opened."""
    try:
        return "VALID", _verify(case)
    except Refusal as refusal:
        return refusal.result, None


def _verify(case):
    now = parse_moment(case["at"])
    if case["root"]:
        trusted = Trusted.rooted(case["root"], case["keys"], case["lastSeenSuccession"], now)
    else:
        trusted = Trusted.embedded(case["publicKeys"])
    given = [each for each in (case["revocations"], trusted.revocations) if each]
    lists = [revocation_list(each, trusted, now) for each in given]
    revocations = max(lists, key=lambda each: each.number, default=None)
    if case["licenseKey"] is not None:
        refuse_unless(1 <= len(case["licenseKey"].encode()) <= 1_024, "WRONG_LICENSE_KEY")

    file = LicenseFile(case["file"])
    key = trusted.key(file.key_id, file.issued_at)
    refuse_unless(is_signed(key, file.signature, file.signed), "INVALID_SIGNATURE")
    account, environment = trusted.place or (file.account, file.environment)
    refuse_unless(file.account == account == (case["accountId"] or account), "WRONG_ACCOUNT")
    refuse_unless(file.environment == environment == (case["environment"] or environment), "WRONG_ENVIRONMENT")
    refuse_unless(case["productId"] in (None, file.product), "WRONG_PRODUCT")
    if case["lastSeenTime"]:
        refuse_unless(now >= parse_moment(case["lastSeenTime"]), "CLOCK_ROLLBACK")
    refuse_unless(file.issued_at <= now + TOLERANCE, "ISSUED_IN_FUTURE")
    refuse_unless(file.not_before <= now + TOLERANCE, "NOT_YET_VALID")
    refuse_unless(now < file.expires_at, "EXPIRED")
    refuse_unless(file.serial >= (case["lastSeenSerial"] or 1), "SERIAL_ROLLBACK")
    refuse_unless(case["fingerprint"] in (None, file.fingerprint), "WRONG_FINGERPRINT")
    if revocations:
        refuse_unless(revocations.number >= (case["lastSeenRevocations"] or 1), "REVOCATIONS_ROLLBACK")
        refuse_unless(revocations.place == (file.account, file.environment), "INVALID_REVOCATIONS")
        refuse_unless(file.serial >= (revocations.fields.get("firstSerial") or 1), "REVOKED")
        refuse_unless(file.serial not in revocations.fields["serials"], "REVOKED")
    if case["licenseKey"] is None:
        return None
    return file.open(case["licenseKey"], case["fingerprint"] or file.fingerprint)


# 7. and 8. Requests and receipts


def check_proof(kind, text_of_document, license_key):
    """The result of a row of vectors/air-gap.json."""
    label, key_of = {
        "request": ("LATCHKEY LICENSE REQUEST", request_key),
        "release": ("LATCHKEY DEACTIVATION RECEIPT", receipt_key),
    }[kind]
    try:
        body, proof = unwrap(text_of_document, label, 2)
        refuse_unless(len(proof[1]) == 32)
        fields = json_object(body[1])
        refuse_unless(fields.get("type") == kind)
        fingerprint_in(fields)
        refuse_unless(re.fullmatch("[0-9a-f]{32}", text(fields, "nonce")))
        if kind == "request":
            hashes = texts(fields, "licenseKeyHashes", 2, 64, 64)
            refuse_unless(hashes and all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes))
            whole(fields, "ttl", 1, optional=True)
            moment(fields, "createdAt")
        else:
            identity(fields, "accountId"), identity(fields, "licenseId"), environment_in(fields)
            whole(fields, "serial", 1)
            moment(fields, "releasedAt")
        message = f"latchkey-{kind}-1:".encode() + body[0]
        expected = hmac.digest(key_of(file_secret(license_key)), message, "sha256")
        refuse_unless(hmac.compare_digest(expected, proof[1]), "WRONG_LICENSE_KEY")
        return "VALID"
    except Refusal as refusal:
        return refusal.result
