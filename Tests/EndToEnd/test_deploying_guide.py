"""Services/DEPLOYING.md against the files that it speaks of."""

import re
import shutil
import subprocess

from harness import processes

GUIDE = (processes.REPOSITORY / "Services" / "DEPLOYING.md").read_text()
CODE = "\n".join(re.findall(r"^```\w+\n(.*?)^```", GUIDE, re.M | re.S))
# What its reader is told to put beside compose.yaml: by a redirection, as a file of settings, to be mounted.
LEFT = {
    *re.findall(r" > ([\w.-]+)", CODE),
    *re.findall(r"^# (\.env|compose\.override\.yaml)\b", CODE, re.M),
    *re.findall(r"- \./([\w.-]+):", CODE),
}


def test_the_table_has_every_variable_of_compose_yaml():
    compose = (processes.REPOSITORY / "compose.yaml").read_text()
    variables = set(re.findall(r"\$\{(LATCHKEY_\w+)", compose))
    table = GUIDE.split("### What can be set")[1].split("\n### ")[0]
    listed = {name for row in table.splitlines() for name in re.findall(r"`(LATCHKEY_\w+)`", row.split(" | ")[0])}
    assert listed == variables


def test_an_upgrade_migrates_before_anything_is_stopped():
    (steps,) = (block for block in re.findall(r"^```sh\n(.*?)^```", GUIDE, re.M | re.S) if "git pull" in block)
    words = [line.split("#")[0].split() for line in steps.splitlines()]
    assert words[-1] == ["docker", "compose", "up", "-d"]
    # Neither of these may start what they depend on anew.
    alone = [line[-1] for line in words if "run" in line and "--no-deps" in line]
    assert alone == ["setup", "migrate"]


def sent():
    """The files and folders that are sent to whoever builds the image."""
    lines = (processes.REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "what is not named must be left out"
    return {rule[1:] for rule in rules if rule.startswith("!")}


def test_what_a_reader_puts_beside_compose_yaml_is_found():
    assert {".env", "compose.override.yaml", "latchkey.env", "tls", "administrator.password", "latchkey.dump"} <= LEFT


def test_what_a_reader_puts_beside_compose_yaml_is_in_no_image():
    assert sent() & LEFT == set()


def test_what_a_reader_puts_beside_compose_yaml_is_not_committed(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    shutil.copy(processes.REPOSITORY / ".gitignore", tmp_path)
    # A rule for folders alone holds for what is in them.
    paths = [f"{name}/privkey.pem" if name in ("acme", "tls") else name for name in sorted(LEFT)]
    done = subprocess.run(["git", "check-ignore", *paths], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == paths


def test_the_image_is_built_of_all_that_the_package_has():
    package = (processes.REPOSITORY / "Package.swift").read_text()
    assert {"Package.swift", *re.findall(r'\bpath: "(\w+)/', package)} == sent()
