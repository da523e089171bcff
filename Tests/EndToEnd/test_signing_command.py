"""`latchkey files` and `latchkey signing`: the air gap and the signing keys from a terminal, without one line of HTTP."""

import json
import os
import subprocess
import uuid

import pytest

from harness import given, processes, rest, rpc


@pytest.fixture(scope="module")
def vendor(deployment):
    """A client of an account of its own, since it makes a root; with the environment that its terminal has."""
    with rpc.channel(deployment, "keys") as channel:
        keys = rpc.Service(channel, "latchkey.keys.v1.Keys")
        account = str(uuid.uuid4())
        keys.CreateAccount(keys.message("CreateAccountRequest", account_id=account, name="Vendor"), timeout=10)
        issue = keys.message("IssueApiKeyRequest", account_id=account, environment=1, name="terminal")
        key = keys.IssueApiKey(issue, timeout=10).key
    with rest.Api(deployment, key) as api:
        api.account = account
        api.key_prefix = "VND"
        api.terminal = {
            "PATH": os.environ["PATH"],
            "LATCHKEY_URL": deployment.url,
            "LATCHKEY_CA_FILE": str(deployment.ca_file),
            "LATCHKEY_API_KEY": key,
        }
        yield api


def latchkey(vendor, *arguments, status=0, input="", **variables):
    """Runs the command; gives what it printed."""
    done = subprocess.run(
        [processes.binary("latchkey"), *map(str, arguments)],
        env=vendor.terminal | variables, input=input, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    print(done.stdout, done.stderr)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def data(vendor, *arguments, **options):
    """The same with `--json`: the API's data."""
    return json.loads(latchkey(vendor, *arguments, "--json", **options).stdout)



# ---- The air gap


def test_a_request_becomes_a_file_and_its_receipt_gives_the_seat_back(vendor, tmp_path):
    names = given.license()(vendor)
    request, file, receipt = (tmp_path / name for name in ("atelier.req", "atelier.lic", "atelier.rel"))
    request.write_text(
        given.closed_machine("request", "--fingerprint", names["fingerprint"], "--ttl", "7200", key=names["key"])
    )
    done = latchkey(vendor, "files", "issue", request, "--out", file)
    assert done.stdout == ""
    for text in (f"License file written to {file}", names["id"], names["fingerprint"], "(2 hours)"):
        assert text in done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    public = next(one["publicKey"] for one in data(vendor, "signing", "keys", "list")["keys"] if one["state"] == "active")
    checked = json.loads(
        given.closed_machine(
            "verify", str(file), "--public-key", public, "--fingerprint", names["fingerprint"], key=names["key"]
        )
    )
    assert checked["result"] == "VALID" and checked["payload"]["license"]["id"] == names["id"]
    machines = rest.expect_data(vendor.get("/machines", params={"licenseId": names["id"]}))
    assert [one["fingerprint"] for one in machines] == [names["fingerprint"]]
    listed = latchkey(vendor, "files", "list", names["id"]).stdout.splitlines()
    assert len(listed) == 2 and listed[0].startswith("SERIAL") and " issued " in listed[1]

    receipt.write_text(
        given.closed_machine("release", str(file), "--fingerprint", names["fingerprint"], key=names["key"])
    )
    done = latchkey(vendor, "files", "return", receipt)
    assert "is given up" in done.stdout and "its seat is free" in done.stdout
    assert rest.expect_data(vendor.get("/machines", params={"licenseId": names["id"]})) == []
    # The same receipt again changes nothing.
    assert data(vendor, "files", "return", receipt)["machineId"] is None
    processes.poll(
        lambda: " revoked " in latchkey(vendor, "files", "list", names["id"]).stdout, 10, "the file is revoked"
    )


def test_the_license_key_is_enough_and_never_an_argument(vendor, tmp_path):
    names = given.file_request()(vendor)
    secret = tmp_path / "license.key"
    secret.write_text(names["key"] + "\n")
    terminal = {"LATCHKEY_API_KEY": ""}
    done = latchkey(
        vendor, "files", "issue", "-", "--license-key", f"@{secret}", input=names["request"], **terminal
    )
    assert done.stdout.startswith("-----BEGIN LICENSE FILE-----\n") and "valid until" in done.stderr
    bare = latchkey(vendor, "files", "issue", "-", "--license-key", names["key"], status=64)
    assert "every user of this machine" in bare.stderr and names["key"] not in bare.stderr


def test_files_are_revoked(vendor):
    names = given.license_file()(vendor)
    done = latchkey(vendor, "files", "revoke", names["id"], "--serial", names["serial"], "--reason", "stolen")
    assert done.stdout == "1 file is on the list of revoked ones.\n"
    assert data(vendor, "files", "revoke", names["id"])["revokedCount"] == 0
    carried = json.loads(latchkey(vendor, "signing", "export", "revocations", "--account", vendor.account).stdout)
    assert carried["lists"][0]["environment"] == "test"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("files", "issue", "/nonexistent"), "Cannot read /nonexistent"),
        (("files", "issue", "/etc/hostname"), "No request for a license file"),
        (("files", "return", "/etc/hostname"), "No deactivation receipt"),
        (("files", "list", "../nobody"), "../nobody is no id"),
        (("files", "list", str(uuid.uuid4())), "License not found"),
        (("signing", "keys", "revoke", "ffffffffffff"), "There is no signing key"),
        (("signing", "keys", "list", "--live"), "not one of the live environment"),
        (("signing", "root", "create", "--out", "/etc/hostname"), "exists"),
        (("signing", "export", "keys", "--account", str(uuid.uuid4())), "Nothing is published"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_sentence(vendor, arguments, said):
    done = latchkey(vendor, *arguments, status=1)
    assert done.stdout == "" and done.stderr.startswith("latchkey: ") and said in done.stderr


def test_a_wrong_key_and_no_deployment_are_told_apart(vendor, tmp_path):
    wrong = latchkey(vendor, "signing", "keys", "list", status=1, LATCHKEY_API_KEY="lk_test_" + "x" * 36)
    assert "UNAUTHORIZED" in wrong.stderr
    nowhere = latchkey(vendor, "signing", "keys", "list", "--data-dir", tmp_path / "none", status=1)
    assert "There is no Latchkey in" in nowhere.stderr
    away = latchkey(vendor, "signing", "keys", "list", status=1, LATCHKEY_URL="https://localhost:1")
    assert away.stderr.startswith("latchkey: ")


# ---- Signing keys and their root


def state(vendor, public):
    return {one["keyId"]: one["state"] for one in data(vendor, "signing", "keys", "list")["keys"]}[public]


def test_keys_and_root_are_looked_after_from_a_terminal(vendor, tmp_path):
    """Made, vouched for, rotated, retired with a warning, revoked; an application embeds nothing but the root."""
    root, keys = tmp_path / "root.key", tmp_path / "keys.json"
    before = given.license_file()(vendor)
    made = latchkey(vendor, "signing", "root", "create", "--out", root)
    private = root.read_text().strip()
    assert root.stat().st_mode & 0o777 == 0o600 and len(private) == 44
    assert private not in made.stdout + made.stderr and "nowhere else" in made.stderr
    public = next(line.split()[-1] for line in made.stdout.splitlines() if "embed this" in line)
    again = latchkey(vendor, "signing", "root", "create", "--out", tmp_path / "second.key", status=1)
    assert "There is a root already" in again.stderr and not (tmp_path / "second.key").exists()

    def results():
        latchkey(vendor, "signing", "export", "keys", "--account", vendor.account, "--out", keys)
        for names in (before, after):
            file = tmp_path / "one.lic"
            file.write_text(names["certificate"])
            done = subprocess.run(
                [processes.binary("latchkey-verify"), "verify", str(file), "--root", public, "--keys", str(keys)],
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            yield json.loads(done.stdout)["result"]

    first = next(one for one in data(vendor, "signing", "keys", "list")["keys"] if one["state"] == "active")
    # By one command; the next key was vouched for when the root was made.
    rotated = latchkey(vendor, "signing", "keys", "rotate")
    lines = rotated.stdout.splitlines()
    assert lines[0].split()[:2] == ["KEY", "STATE"]
    assert sorted(line.split()[1] for line in lines[1:]) == ["active", "next", "retired"]
    assert "The root has yet to vouch" in rotated.stderr
    after = given.license_file()(vendor)
    assert list(results()) == ["VALID", "VALID"]
    # The key that was just made has to be vouched for before it can sign.
    refused = latchkey(vendor, "signing", "keys", "rotate", status=1)
    assert "BUSINESS_RULE_VIOLATION" in refused.stderr
    proposed, signed = tmp_path / "proposed", tmp_path / "succession"
    latchkey(vendor, "signing", "succession", "propose", "--out", proposed)
    done = subprocess.run(
        [processes.binary("latchkey-verify"), "sign", str(proposed), "--root-key", f"@{root}"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    signed.write_text(done.stdout)
    installed = latchkey(vendor, "signing", "succession", "install", signed).stdout.splitlines()[1:]
    assert all(line.endswith("yes") for line in installed)
    overlapping = data(vendor, "signing", "keys", "rotate", "--overlap", "3600")["keys"]
    assert [one["state"] for one in overlapping].count("active") == 1
    assert any(one["state"] == "active" and one["retiredAt"] for one in overlapping)

    # Files are in use that the first key has signed: to withdraw it takes a word more.
    warned = latchkey(vendor, "signing", "keys", "revoke", first["keyId"][:12], status=1)
    assert f"{first['liveFiles']} license file(s) in use" in warned.stderr
    latchkey(vendor, "signing", "keys", "revoke", first["keyId"][:12], "--force", "--reason", "stolen")
    assert state(vendor, first["keyId"]) == "revoked"
    assert list(results()) == ["KEY_REVOKED", "VALID"]
    active = next(one for one in data(vendor, "signing", "keys", "list")["keys"] if one["state"] == "active")
    latchkey(vendor, "signing", "keys", "retire", active["id"], "--force")
    assert state(vendor, active["keyId"]) == "retired"
