"""The rules for scanners, Services/Keys/leaks/gitleaks.toml: they find the keys that are issued, and nothing near."""

import re
import tomllib

import pytest

from harness import processes

FILE = processes.REPOSITORY / "Services" / "Keys" / "leaks" / "gitleaks.toml"
RULES = tomllib.loads(FILE.read_text())["rules"]


def found(text):
    """What each rule that matches takes for the secret; a rule asks for its keywords first, as gitleaks does."""
    return {
        rule["id"]: match[rule["secretGroup"]]
        for rule in RULES
        if any(keyword in text.lower() for keyword in rule["keywords"])
        and (match := re.search(rule["regex"], text))
    }


@pytest.fixture(scope="module")
def keys(api, live_api):
    return {
        "latchkey-test-api-key": [api.api_key()["key"] for _ in range(20)],
        "latchkey-live-api-key": [live_api.api_key()["key"] for _ in range(20)],
    }


@pytest.mark.parametrize(
    "text", ["{}", "KEY={}\n", '{{"key": "{}"}}', "Authorization: Bearer {}\r\n", "https://x.example/?k={}&y=1"]
)  # fmt: skip
def test_issued_keys_are_found(keys, text):
    for rule, issued in keys.items():
        for key in issued:
            assert found(text.format(key)) == {rule: key}


def test_near_misses_are_not(keys):
    for issued in keys.values():
        key = issued[0]
        misses = [
            key[:-1],
            key + "0",
            "x" + key,
            key.upper(),
            key.replace("_", "-"),
            key[:20] + "_" + key[21:],
            key[:20] + "." + key[21:],
            key.replace("lk_", "lk_dev", 1),
            key[8:],
            "lk_live_",
            "lk_test_...",
        ]
        for miss in misses:
            assert found(miss) == {}, miss
