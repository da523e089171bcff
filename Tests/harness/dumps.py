"""Dumps of a deployment's whole database, and the search for secrets in them."""

import base64
import dataclasses
import hashlib
import itertools
import subprocess

from . import deployment as deployments


@dataclasses.dataclass(frozen=True)
class Secret:
    """Something that must not be in a dump."""

    kind: str
    text: str
    # A password or a short code: whoever has a fast hash of it finds it by trying, so no such hash may be there either.
    # The hash of a key of 80 random bits and more tells nothing.
    is_guessable: bool = False

    def spellings(self):
        """The secret as it may have been written: in either case, without its groups, and what it encodes."""
        texts = {self.text, self.text.lower(), self.text.upper()}
        texts |= {text.replace("-", "") for text in texts}
        spelled = {text.encode() for text in texts}
        for decode in (bytes.fromhex, base64.b32decode, base64.b64decode, base64.urlsafe_b64decode):
            try:
                spelled.add(decode(self.text))
            except ValueError:
                pass
        # A word may be taken for something encoded; what that would be is too short to mean anything.
        return {one for one in spelled if len(one) >= len(self.text) // 2}

    def forms(self):
        """What each of its spellings looks like in a dump, with a name."""
        for spelling in self.spellings():
            yield "in clear", spelling
            yield from encodings("", spelling)
            if self.is_guessable:
                # A request that has nothing else is this message: its first field, which is a text.
                message = b"\x0a" + bytes([len(spelling)]) + spelling
                for hashed, name in itertools.product((spelling, message), ("md5", "sha1", "sha256", "sha512")):
                    digest = hashlib.new(name, hashed).digest()
                    yield f"its {name}", digest
                    yield from encodings(f"its {name} ", digest)


def encodings(name, value):
    """Bytes as hexadecimal, and as base 64 wherever they begin in what was encoded."""
    yield f"{name}in hex", value.hex().encode()
    yield f"{name}in hex", value.hex().upper().encode()
    for shift in range(3):
        # The characters that depend on what stands beside the value are left out.
        encoded = base64.b64encode(bytes(shift) + value)
        first = -(-shift * 8 // 6)
        last = (shift + len(value)) * 8 // 6
        for text in (encoded[first:last], encoded[first:last].translate(bytes.maketrans(b"+/", b"-_"))):
            yield f"{name}in base 64", text


# A shorter form would be found by accident.
FORM_BYTES_MIN = 8


def found(dump, secrets):
    """Which of the secrets are in a dump, and how."""
    hits = []
    for secret in secrets:
        forms = {form: name for name, form in secret.forms() if len(form) >= FORM_BYTES_MIN}
        # A code of six digits is found by accident, as the digits of an id or a time: only as a value of its own.
        if len(secret.text) < FORM_BYTES_MIN:
            forms |= {b"\t" + secret.text.encode() + edge: "in clear" for edge in (b"\t", b"\n")}
        hits += [(secret.kind, name) for form, name in forms.items() if form in dump]
    return sorted(set(hits))


def take(deployment, database="latchkey"):
    """The whole database in plain SQL, with bytes as hexadecimal."""
    done = subprocess.run(
        [str(deployments.POSTGRES_PROGRAMS / "pg_dump"), "--no-password"],
        env=deployment.database(database),
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def restore(deployment, dump, database):
    """Makes a database of a dump."""
    programs = deployments.POSTGRES_PROGRAMS
    for command, given in [
        ([str(programs / "createdb"), database], None),
        ([str(programs / "psql"), "-Xq", "-v", "ON_ERROR_STOP=1"], dump),
    ]:
        done = subprocess.run(
            command,
            input=given,
            env=deployment.database(database if given else "postgres"),
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]


def every(groups):
    """All secrets of several lists."""
    return list(itertools.chain.from_iterable(groups))
