"""Services/SECURITY-CHECKLIST.md: what it has an operator type, typed as it stands."""

import json
import re
import subprocess

from harness import accounts, processes, rest

PAGE = processes.REPOSITORY / "Services" / "SECURITY-CHECKLIST.md"


def test_an_api_key_is_made_as_small_as_can_be_and_rotated_from_a_terminal(deployment, tmp_path):
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    account = accounts.create(deployment, "Checklist")
    with account.api("live") as api:
        settings = f"LATCHKEY_URL={deployment.url}\nLATCHKEY_LIVE_API_KEY={api.key}\n"
        (tmp_path / "latchkey.env").write_text(settings)
        (tmp_path / "latchkey-ca.pem").symlink_to(deployment.ca_file)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        keys = rest.expect_data(api.get("/api-keys"))
    shown = json.loads((tmp_path / "shop.json").read_text())["data"]
    assert (tmp_path / "shop.json").stat().st_mode & 0o777 == 0o600
    (successor,) = (one for one in keys if one["id"] == shown["id"])
    (before,) = (one for one in keys if one["id"] == successor["replaces"])
    for one in (successor, before):
        assert not one["fullAccess"] and "keys:write" not in one["scopes"]
        assert one["allowedAddresses"] == ["203.0.113.0/24"] and one["expiresAt"]
    assert before["retiresAt"] and before["replacedBy"] == successor["id"]
    # The one with full access that the account began with is all that is told.
    (line,) = done.stdout.splitlines()
    (first,) = (one for one in keys if one["fullAccess"])
    assert line.startswith(f"{first['id']} {first['name']} ")
