"""Ed25519 by plain arithmetic (RFC 8032, section 5.1): slow, and able to make what no library makes.

Run as a program it writes `Services/Signing/vectors/signatures.json`: signatures that are right, and those that a careless
verifier takes for right.
"""

import base64
import hashlib
import json

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


def add(one, other):
    x1, y1 = one
    x2, y2 = other
    product = D * x1 * x2 * y1 * y2 % P
    x3 = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y3 = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x3, y3


NEUTRAL = (0, 1)


def multiply(scalar, point):
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def recover_x(y, sign):
    """The x of a point, or None when there is none."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        return None
    return P - x if x % 2 != sign and x else x


def encode(point):
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data):
    """A point from its one encoding, or None."""
    number = int.from_bytes(data, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    if len(data) != 32 or y >= P:
        return None
    x = recover_x(y, sign)
    if x is None or (x == 0 and sign):
        return None
    return x, y


BASE = (recover_x(4 * pow(5, -1, P) % P, 0), 4 * pow(5, -1, P) % P)


def torsion():
    """A point of order 8."""
    for y in range(2, 100):
        x = recover_x(y, 0)
        if x is None:
            continue
        point = multiply(L, (x, y))
        if multiply(4, point) != NEUTRAL:
            return point
    raise AssertionError("there are points of order 8")


def is_strict_key(data):
    """Whether bytes are a key that an honest signer can have: in the main subgroup, and not its neutral element."""
    point = decode(data)
    return point is not None and point != NEUTRAL and multiply(L, point) == NEUTRAL


def is_strict_signature(data):
    """Whether S is below the group's order, and R a point of its one encoding and not of small order."""
    if len(data) != 64 or int.from_bytes(data[32:], "little") >= L:
        return False
    point = decode(data[:32])
    return point is not None and multiply(8, point) != NEUTRAL


def key_text(data):
    return base64.b64encode(SPKI_PREFIX + data).decode()


def key_id(data):
    return hashlib.sha256(data).hexdigest()[:32]


def _hash(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def _secret(seed):
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return int.from_bytes(digest[:32], "little"), bytes(digest[32:])


def sign(seed, message, key=None, nonce_point=None, scalar=None):
    """A signature; with another key, R or scalar than an honest signer has where that is asked for."""
    own, prefix = _secret(seed)
    scalar = own if scalar is None else scalar
    key = encode(multiply(own, BASE)) if key is None else key
    nonce = _hash(prefix, message)
    commitment = encode(multiply(nonce, BASE) if nonce_point is None else nonce_point)
    if nonce_point is not None:
        nonce = 0
    answer = (nonce + _hash(commitment, key, message) * scalar) % L
    return commitment + answer.to_bytes(32, "little")


def cases():
    seed = hashlib.sha256(b"latchkey vector seed signatures").digest()
    scalar, _ = _secret(seed)
    key = encode(multiply(scalar, BASE))
    message = b"a license file"
    good = sign(seed, message)
    rows = []

    def row(name, result, signature=good, key=key, message=message):
        rows.append(
            {
                "name": name,
                "publicKey": key.hex(),
                "message": message.hex(),
                "signature": signature.hex(),
                "result": "VALID" if result else "INVALID_SIGNATURE",
            }
        )

    row("as it was made", True)
    row("of the empty message", True, sign(seed, b""), message=b"")
    row("of a long message", True, sign(seed, b"x" * 1000), message=b"x" * 1000)
    # RFC 8032, section 7.1, tests 1 to 3.
    for number, secret, public, text, signature in RFC_8032:
        assert sign(bytes.fromhex(secret), bytes.fromhex(text)).hex() == signature
        row(f"RFC 8032, test {number}", True, bytes.fromhex(signature), bytes.fromhex(public), bytes.fromhex(text))

    row("another message", False, message=message + b"!")
    row("a message that is cut", False, message=message[:-1])
    for length in (0, 1, 32, 63):
        row(f"cut to {length} bytes", False, good[:length])
    row("one byte too long", False, good + b"\0")
    row("twice", False, good + good)
    row("R and S exchanged", False, good[32:] + good[:32])
    row("of zeros", False, bytes(64))
    row("S of zeros", False, good[:32] + bytes(32))
    for bit in (0, 7, 254, 255, 256, 503, 504, 511):
        row(f"bit {bit} flipped", False, bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(good)))
    answer = int.from_bytes(good[32:], "little")
    for times in (1, 2, 8):
        row(f"{times} L added to S", False, good[:32] + (answer + times * L).to_bytes(32, "little"))
    row("S of L", False, good[:32] + L.to_bytes(32, "little"))
    row("S of 2^256 - 1", False, good[:32] + b"\xff" * 32)

    # Right by the equation: the key's owner can make them, and verifiers disagree about them.
    point = torsion()
    small = [multiply(times, point) for times in range(8)]
    for times, commitment in enumerate(small):
        row(f"R of small order ({times} of 8)", False, sign(seed, message, nonce_point=commitment))
    # The same with the neutral element in its second encoding, y = 1 + p.
    commitment = (P + 1).to_bytes(32, "little")
    answer = _hash(commitment, key, message) * scalar % L
    row("R in a second encoding", False, commitment + answer.to_bytes(32, "little"))

    # Keys of small order: with them one signature is right for many messages.
    for times, weak in enumerate(small):
        row(f"a key of small order ({times} of 8)", False, sign(seed, message, key=encode(weak), scalar=0), encode(weak))
    second = (P + 1).to_bytes(32, "little")
    row("a key of small order in a second encoding", False, sign(seed, message, key=second, scalar=0), second)
    negative = (1 | 1 << 255).to_bytes(32, "little")
    row("a key with the sign of zero", False, sign(seed, message, key=negative, scalar=0), negative)
    # A key outside the main subgroup: verifiers with and without the factor 8 disagree about it.
    mixed = encode(add(decode(key), point))
    tries = (message + str(number).encode() for number in range(1000))
    text = next(text for text in tries if _hash(sign(seed, text, key=mixed)[:32], mixed, text) % 8 == 0)
    row("a key outside the main subgroup", False, sign(seed, text, key=mixed), mixed, text)
    off = next(y.to_bytes(32, "little") for y in range(2, 100) if recover_x(y, 0) is None)
    row("a key that is not on the curve", False, good, off)
    for length in (0, 31, 33):
        row(f"a key of {length} bytes", False, good, (key + b"\0")[:length])
    return rows


RFC_8032 = [
    (
        1,
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        2,
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        3,
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def document():
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in cases())
    return f'{{"version":1,\n"cases":[\n{lines}\n]}}\n'


if __name__ == "__main__":
    print(document(), end="")
