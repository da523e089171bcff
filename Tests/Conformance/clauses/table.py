"""The table that the clause modules fill."""

import dataclasses
import typing

CLAUSES = []


@dataclasses.dataclass(frozen=True)
class Clause:
    """One rule: `check` gets a peer, after the settings exchange unless `handshake` is false."""

    identifier: str
    rule: str
    check: typing.Callable
    handshake: bool
    own_settings: tuple


def clause(identifier, handshake=True, own_settings=()):
    """Registers a check under RFC 9113's section, or under `hpack/` and RFC 7541's."""

    def register(check):
        assert check.__doc__, f"{identifier} does not say its rule"
        assert all(known.identifier != identifier for known in CLAUSES), f"{identifier} twice"
        CLAUSES.append(Clause(identifier, check.__doc__, check, handshake, own_settings))
        return check

    return register
