"""Secrets that the tests were shown or made up, and the search for them in what processes have logged."""

import json
import re
import shutil

# Everything that clients of the harness have sent or got in the place of a secret, and what is secret in the files of
# deployments that have ended.
SEEN = set()

# What services have logged, of every deployment that has ended and of every process beside one.
FILES = set()

# The names of fields, of requests and of answers, that hold one.
NAMES = {
    "key", "secret", "token", "password", "currentPassword", "newPassword", "signingKey", "privateKey",
    "recoveryCodes", "link", "challenge", "leakedKey",
}  # fmt: skip

# What is shorter is found by accident, in an id or in the text of a route.
CHARACTERS_MIN = 12

# What stands between other characters: also a part of a path, of an assignment, of base64.
WORD = re.compile(rb"[A-Za-z0-9_+-]{4,}")


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


def keep(deployment):
    """Keeps the logs and notes the secrets of a deployment whose data directory is about to be removed."""
    SEEN.update(secret_files(deployment))
    folder = deployment.data_directory / "logs"
    # One that was stopped before has none any more.
    if folder.is_dir():
        kept = deployment.log.with_name(f"{deployment.log.stem}-{deployment.data_directory.name}")
        shutil.move(folder, kept)
        FILES.update(kept.iterdir())


def leaks_of_the_run():
    """The secrets that stand in any of the files, by file: some lines at a time, as the files are large."""
    index = indexed(SEEN)
    leaks = {}
    for file in sorted(FILES):
        with file.open("rb") as log:
            blocks = iter(lambda: b"".join(log.readlines(1 << 20)), b"")
            if found := {secret for block in blocks for secret in leaks_by(index, block)}:
                leaks[str(file)] = sorted(found)
    return leaks


def secret_files(deployment):
    """What is secret in the files of a deployment: passwords, master keys, private keys."""
    for file in (deployment.data_directory / "secrets").glob("*"):
        for word in re.findall(r"[A-Za-z0-9_+/=-]{24,}", file.read_text()):
            yield word
    for file in (deployment.data_directory / "certificates").glob("*.key"):
        lines = file.read_text().splitlines()
        yield from (line for line in lines if not line.startswith("---") and len(line) >= 24)


def indexed(secrets):
    """Secrets by the longest word of each, by which they are found; there are many."""
    index = {}
    for secret in secrets:
        longest = max(WORD.findall(secret.encode()), key=len, default=b"")
        index.setdefault(longest, []).append(secret)
    return index


def leaks_by(index, text):
    """Which of the secrets of an index stand in a text as they are."""
    words = {b"", *WORD.findall(text)}
    return [secret for word in words & index.keys() for secret in index[word] if secret.encode() in text]


def leaks(text, secrets):
    """Which secrets stand in a text as they are."""
    return leaks_by(indexed(secrets), text)
