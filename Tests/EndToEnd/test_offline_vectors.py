"""The vectors of Services/Signing/vectors, run by an implementation of FORMAT.md in Python, by the published SDK, and by
`latchkey-verify`."""

import base64
import hashlib
import json
import re
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from licentric import Licentric

from harness import ed25519, offline, processes

FOLDER = processes.REPOSITORY / "Services" / "Signing" / "vectors"


def rows(name, part="cases"):
    return json.loads((FOLDER / name).read_text())[part]


def verification():
    """Rows whose documents stand in place of their names."""
    texts = {each["name"]: each["text"] for each in rows("verification.json", "documents")}
    named = ("file", "keys", "revocations")
    return [{**row, **{name: texts.get(row[name]) for name in named}} for row in rows("verification.json")]


CASES = verification()
BY_NAME = {case["name"]: case for case in CASES}
LONG = BY_NAME["a file that is valid for long, for verifiers that cannot be told the time"]


def title(case):
    return case["name"]


# Python, by FORMAT.md


@pytest.mark.parametrize("case", CASES, ids=title)
def test_python_comes_to_the_same_result(case):
    result, payload = offline.verify(case)
    assert (result, payload) == (case["result"], case["payload"])


@pytest.mark.parametrize("case", rows("air-gap.json"), ids=lambda case: f"{case['kind']}: {case['name']}")
def test_python_judges_requests_and_receipts_the_same(case):
    assert offline.check_proof(case["kind"], case["text"], case["licenseKey"]) == case["result"]


@pytest.mark.parametrize("case", rows("signatures.json"), ids=title)
def test_python_judges_signatures_the_same(case):
    key, message, signature = (bytes.fromhex(case[name]) for name in ("publicKey", "message", "signature"))
    assert offline.is_signed(key, signature, message) == (case["result"] == "VALID")


def test_the_signatures_are_those_of_the_arithmetic():
    assert (FOLDER / "signatures.json").read_text() == ed25519.document()


@pytest.mark.parametrize("case", rows("derivations.json"), ids=lambda case: case["licenseKey"])
def test_python_derives_the_same_keys(case):
    secret = offline.file_secret(case["licenseKey"])
    assert secret.hex() == case["fileSecret"]
    assert offline.license_key_hashes(case["licenseKey"]) == case["licenseKeyHashes"]
    sealed = bytes.fromhex(case["sealedUnderPayloadKey"])
    cipher = AESGCM(offline.payload_key(secret, case["fingerprint"]))
    assert cipher.decrypt(sealed[:12], sealed[12:], b"header") == b"sealed"
    for key, field in ((offline.request_key, "hmacUnderRequestKey"), (offline.receipt_key, "hmacUnderReceiptKey")):
        assert offline.hmac.digest(key(secret), b"body", "sha256").hex() == case[field]


@pytest.mark.parametrize("row", rows("derivations.json", "keys"), ids=title)
def test_python_has_the_same_keys(row):
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(row["seed"])).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert base64.b64encode(der).decode() == row["publicKey"]
    assert hashlib.sha256(der[12:]).hexdigest()[:32] == row["keyId"]


# The published SDK


def sdk(file, key):
    return Licentric.verify_offline(file if isinstance(file, bytes) else file.encode(), key)


def test_the_sdk_accepts_a_file():
    result = sdk(LONG["file"], LONG["publicKeys"][0])
    assert result.valid and result.signature_valid and not result.expired and result.error is None
    assert result.header["fingerprint"] == LONG["fingerprint"]
    assert result.header["entitlements"] == ["export_pdf", "sso"]


def test_the_sdk_sees_that_a_file_has_expired():
    result = sdk(BY_NAME["a file as it was issued"]["file"], LONG["publicKeys"][0])
    assert result.expired and result.signature_valid and not result.valid


def test_the_sdk_refuses_another_key():
    stranger = next(row for row in rows("derivations.json", "keys") if row["name"] == "stranger")
    result = sdk(LONG["file"], stranger["publicKey"])
    assert not result.valid and not result.signature_valid


# What Python's `str.strip` takes for white space, of one byte.
WHITE = set(b"\t\n\v\f\r\x1c\x1d\x1e\x1f ")
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def test_the_sdk_lets_these_changes_of_one_byte_pass_and_no_others():
    """Three kinds, none of which changes what the file says or can be taken from the SDK by another file in the
    contract's format: the white space behind the first marker, which it strips; 64 bytes have 86 characters of base 64,
    the last of which has four bits too many, which its reader drops; and that reader stops behind the padding, so it
    does not see whether the end marker that follows was removed. Our verifier refuses all of them (DamageTests)."""
    file, key = LONG["file"].encode(), LONG["publicKeys"][0]
    first, end = file.index(b"\n"), file.index(b"\n-----END")
    last = end - 3
    assert file[last + 1 : end] == b"=="
    same = {one for number, one in enumerate(ALPHABET) if number >> 4 == ALPHABET.index(file[last]) >> 4}
    pass_unseen = {(first, one) for one in WHITE - {file[first]}} | {(last, one) for one in same - {file[last]}}
    pass_unseen |= {(at, one) for at in range(end, len(file)) for one in range(128) if one != file[at]}
    # Every value where something passes and around it, every single bit elsewhere.
    near = {*range(first - 2, first + 3), *range(end - 90, len(file))}
    passed = set()
    for position, byte in enumerate(file):
        others = set(range(256)) - {byte} if position in near else {byte ^ 1 << bit for bit in range(8)}
        for other in others:
            changed = bytearray(file)
            changed[position] = other
            if sdk(bytes(changed), key).valid:
                passed.add((position, other))
    # Where a dot or half a character of UTF-8 comes in behind the padding, there are too many parts, or no text.
    assert passed == {(at, one) for at, one in pass_unseen if at < end or chr(one) != "."}


# latchkey-verify


def run(*arguments, stdin=b"", **environment):
    return subprocess.run(
        [processes.binary("latchkey-verify"), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=20,
        env={"PATH": "/nonexistent", **environment},
    )


STATUS = {
    0: "VALID",
    1: "MALFORMED UNSUPPORTED_VERSION INVALID_SIGNATURE",
    3: "UNKNOWN_KEY KEY_NOT_YET_VALID KEY_RETIRED KEY_REVOKED INVALID_KEYS KEYS_ROLLBACK",
    4: "WRONG_ACCOUNT WRONG_ENVIRONMENT WRONG_PRODUCT WRONG_FINGERPRINT WRONG_LICENSE_KEY",
    5: "ISSUED_IN_FUTURE NOT_YET_VALID EXPIRED CLOCK_ROLLBACK SERIAL_ROLLBACK",
    6: "REVOKED INVALID_REVOCATIONS REVOCATIONS_ROLLBACK",
}


def status(result):
    return next(number for number, results in STATUS.items() if result in results.split())


def arguments_of(case, folder):
    """The command's arguments for a row, with its documents as files."""
    files = {name: case[name] for name in ("keys", "revocations") if case[name] is not None}
    given = []
    for name, text in files.items():
        (folder / name).write_text(text)
        given += [f"--{name}", folder / name]
    for key in case["publicKeys"]:
        given += ["--public-key", key]
    options = {
        "root": "--root",
        "at": "--at",
        "accountId": "--account",
        "environment": "--environment",
        "productId": "--product",
        "fingerprint": "--fingerprint",
        "lastSeenTime": "--last-seen-time",
        "lastSeenSerial": "--last-seen-serial",
        "lastSeenRevocations": "--last-seen-revocations",
        "lastSeenSuccession": "--last-seen-succession",
    }
    for name, option in options.items():
        if case[name] is not None:
            given += [f"{option}={case[name]}"]
    if case["licenseKey"] is not None:
        (folder / "license-key").write_text(case["licenseKey"] + "\n")
        given += ["--license-key", f"@{folder / 'license-key'}"]
    return given


@pytest.mark.parametrize("case", [case for case in CASES if case["publicKeys"] or case["root"]], ids=title)
def test_the_command_comes_to_the_same_result(case, tmp_path):
    (tmp_path / "file").write_text(case["file"], newline="")
    ended = run("verify", tmp_path / "file", *arguments_of(case, tmp_path))
    answer = json.loads(ended.stdout)
    assert answer["result"] == case["result"], answer["message"]
    assert ended.returncode == status(case["result"]) and ended.stderr == b""
    payload = json.loads(case["payload"]) if case["payload"] else None
    assert answer["payload"] == payload


def test_the_command_takes_the_file_and_secrets_in_other_ways(tmp_path):
    case = LONG
    key = tmp_path / "key"
    key.write_text(case["publicKeys"][0] + "\n")
    ended = run(
        "verify", "-", "--public-key", f"@{key}", "--fingerprint", case["fingerprint"],
        stdin=case["file"].encode(), LATCHKEY_LICENSE_KEY=case["licenseKey"],
    )  # fmt: skip
    assert ended.returncode == 0 and json.loads(ended.stdout)["payload"] == json.loads(case["payload"])
    file = tmp_path / "file"
    file.write_text(case["file"] + "\n")
    ended = run("verify", file, "--public-key", f"@{key}", "--license-key", "-", stdin=case["licenseKey"].encode())
    assert ended.returncode == 0 and json.loads(ended.stdout)["payload"] == json.loads(case["payload"])


KEY = LONG["publicKeys"][0]


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ([], "latchkey-verify checks"),
        (["forge"], "no command"),
        (["sign", "/dev/null", "--root-key", "AAAA"], "can see arguments"),
        (["verify"], "exactly one FILE"),
        (["verify", "/dev/null"], "--public-key"),
        (["verify", "/dev/null", "--root", KEY], "--keys"),
        (["verify", "/dev/null", "--public-key", KEY, "--root", KEY, "--keys", "/dev/null"], "either"),
        (["verify", "/dev/null", "--public-key", "AAAA"], "base 64"),
        (["verify", "/dev/null", "--public-key"], "needs a value"),
        (["verify", "/dev/null", "--public-key", KEY, "--at", "noon"], "--at"),
        (["verify", "/dev/null", "--public-key", KEY, "--at", "2026-01-01T00:00:00Z", "--at=x"], "twice"),
        (["verify", "/dev/null", "--public-key", KEY, "--last-seen-serial", "-1"], "whole number"),
        (["verify", "/dev/null", "--public-key", KEY, "--force"], "no option --force"),
        (["verify", "/dev/null", "--public-key", KEY, "--license-key", "LIC-0123-4567-89AB-CDEF"], "can see arguments"),
        (["verify", "-", "--public-key", KEY, "--license-key", "-"], "standard input"),
        (["verify", "/nonexistent", "--public-key", KEY], "No such file"),
        (["verify", "/", "--public-key", KEY], "directory"),
        (["request", "--fingerprint", "12345678"], "LATCHKEY_LICENSE_KEY"),
        (["request", "--license-key", "@/nonexistent", "--fingerprint", "12345678"], "No such file"),
        (["release", "/dev/null"], "--fingerprint"),
        (["inspect"], "exactly one FILE"),
    ],
)  # fmt: skip
def test_the_command_says_what_to_change(arguments, complaint):
    ended = run(*arguments)
    assert ended.returncode == 2 and ended.stdout == b""
    assert complaint in ended.stderr.decode()
    assert "LIC-0123" not in ended.stderr.decode(), "a secret is echoed"


def test_a_request_and_a_receipt_are_made_and_prove_the_key(tmp_path):
    secret = tmp_path / "license-key"
    secret.write_text(LONG["licenseKey"])
    key = ["--license-key", f"@{secret}", "--fingerprint", LONG["fingerprint"]]
    request = run("request", *key, "--ttl", 604800, "--machine-name", "atelier 1")
    assert request.returncode == 0 and request.stderr == b""
    assert offline.check_proof("request", request.stdout, LONG["licenseKey"]) == "VALID"
    assert offline.check_proof("request", request.stdout, "LIC-0123-4567-89AB-CDEG") == "WRONG_LICENSE_KEY"
    assert LONG["licenseKey"].encode() not in request.stdout
    shown = json.loads(run("inspect", "-", stdin=request.stdout).stdout)
    assert shown["type"] == "request" and not shown["isVerified"]
    assert shown["content"]["ttl"] == 604800 and shown["content"]["machineName"] == "atelier 1"
    assert shown["content"]["licenseKeyHashes"] == [hashlib.sha256(LONG["licenseKey"].encode()).hexdigest()]

    file = tmp_path / "license"
    file.write_text(LONG["file"])
    receipt = run("release", file, *key)
    assert receipt.returncode == 0 and b"--last-seen-serial 18" in receipt.stderr
    assert offline.check_proof("release", receipt.stdout, LONG["licenseKey"]) == "VALID"
    content = json.loads(run("inspect", "-", stdin=receipt.stdout).stdout)["content"]
    assert content["serial"] == 17 and content["fingerprint"] == LONG["fingerprint"]
    given_up = run("verify", file, "--public-key", KEY, "--last-seen-serial", 18)
    assert given_up.returncode == 5 and json.loads(given_up.stdout)["result"] == "SERIAL_ROLLBACK"


def test_nobody_releases_the_file_of_another_machine_or_license(tmp_path):
    for key, fingerprint in (("LIC-0123-4567-89AB-CDEG", LONG["fingerprint"]), (LONG["licenseKey"], "another-machine")):
        ended = run("release", "-", "--fingerprint", fingerprint, stdin=LONG["file"].encode(), LATCHKEY_LICENSE_KEY=key)
        assert ended.returncode == 4 and ended.stdout == b""


def test_inspect_shows_a_file_and_claims_nothing():
    shown = json.loads(run("inspect", "-", stdin=LONG["file"].encode()).stdout)
    assert shown["type"] == "license" and shown["isVerified"] is False and shown["content"]["serial"] == 17
    assert run("inspect", "-", stdin=b"x").returncode == 1


def test_the_fingerprint_of_a_machine_stays():
    first = run("fingerprint")
    if first.returncode == 2:
        assert b"machine-id" in first.stderr
        return
    assert first.stdout == run("fingerprint").stdout
    assert re.fullmatch(rb"[0-9a-f]{64}\n", first.stdout)
