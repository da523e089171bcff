"""Secrets that the tests were shown or made up, and the search for them in what processes have logged."""

import json
import re

from . import dumps

# Everything that clients of the harness have sent or got in the place of a secret.
SEEN = set()

# The names of fields, of requests and of answers, that hold one.
NAMES = {
    "key", "secret", "token", "password", "currentPassword", "newPassword", "signingKey", "privateKey",
    "recoveryCodes", "link", "challenge", "leakedKey",
}  # fmt: skip

# What is shorter is found by accident, in an id or in the text of a route.
CHARACTERS_MIN = 12

WORD = re.compile(rb"[A-Za-z0-9_+/=-]{%d,}" % CHARACTERS_MIN)


def note(text):
    """Notes a secret."""
    if isinstance(text, str) and len(text) >= CHARACTERS_MIN:
        # The part of a link that is secret is behind the address.
        SEEN.add(text.split("#")[-1])


def note_fields(value, name=None):
    """Notes what stands in the place of a secret, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            note_fields(inner, name)
    elif isinstance(value, list):
        for inner in value:
            note_fields(inner, name)
    elif name in NAMES:
        note(value)


def note_json(content):
    try:
        note_fields(json.loads(content))
    except (ValueError, RecursionError):
        pass


def watch(client):
    """Has everything noted that a client of httpx sends and gets in the place of a secret."""

    def received(response):
        request = response.request
        note(request.headers.get("authorization", "").removeprefix("Bearer "))
        for field in (request.headers.get("cookie", ""), response.headers.get("set-cookie", "")):
            note(field.partition("=")[2].partition(";")[0])
        # A body that was streamed is not here; an answer is read anyhow.
        try:
            note_json(request.content)
        except Exception:
            pass
        if response.headers.get("content-type", "").startswith("application/json"):
            response.read()
            note_json(response.content)

    client.event_hooks = {"response": [received]}
    return client


def logs(deployment):
    """What all processes of a deployment have logged; the console of `latchkey up` shows the first keys on purpose."""
    files = sorted((deployment.data_directory / "logs").iterdir())
    return b"\n".join(file.read_bytes() for file in files)


def secret_files(deployment):
    """What is secret in the files of a deployment: passwords, master keys, private keys."""
    for file in (deployment.data_directory / "secrets").iterdir():
        for word in re.findall(r"[A-Za-z0-9_+/=-]{24,}", file.read_text()):
            yield word
    for file in (deployment.data_directory / "certificates").glob("*.key"):
        lines = file.read_text().splitlines()
        yield from (line for line in lines if not line.startswith("---") and len(line) >= 24)


def leaks(text, secrets):
    """Which secrets stand in a text as they are: word by word, as the text of a whole run and all the secrets of it are
    large."""
    words = set(WORD.findall(text))
    found = []
    for secret in secrets:
        raw = secret.encode()
        if WORD.fullmatch(raw):
            hit = raw in words
        else:
            hit = raw in text
        if hit:
            found.append(secret)
    return found


def disguised(text, secrets):
    """Which of a few secrets stand in a text in any form that harness/dumps.py knows."""
    return dumps.found(text, secrets)
