"""Sealed values opened without Latchkey, as somebody would who has a dump and means to read it.

The formats are those of Shared/Cryptography/Sealing: a header (format 1, then the version of the key in four bytes), a
nonce of 12 bytes, ciphertext, and a tag of 16; associated data binds each to its place.
"""

import re
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HEADER_BYTES, NONCE_BYTES = 5, 12


def master_keys(path):
    """The keys of a file of master keys, by version."""
    found = re.findall(r"^key (\d+) ([0-9a-f]{64})$", path.read_text(), re.MULTILINE)
    return {int(version): bytes.fromhex(key) for version, key in found}


def open_sealed(sealed, key, associated_data):
    """What was sealed; None when the key is another one, or anything was changed or moved."""
    header, nonce = sealed[:HEADER_BYTES], sealed[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES]
    try:
        return AESGCM(key).decrypt(nonce, sealed[HEADER_BYTES + NONCE_BYTES :], associated_data(header))
    except InvalidTag:
        return None


def version(sealed):
    """The version of the key that sealed a value."""
    return int.from_bytes(sealed[1:HEADER_BYTES])


def data_key_place(account, number):
    """What a wrapped data key is bound to."""
    return lambda header: b"latchkey data key" + header + uuid.UUID(account).bytes + number.to_bytes(4)


def place(account, table, column, row):
    """What a sealed value is bound to."""
    return lambda header: (
        header
        + uuid.UUID(account).bytes
        + bytes([len(table)])
        + table.encode()
        + bytes([len(column)])
        + column.encode()
        + uuid.UUID(row).bytes
    )
