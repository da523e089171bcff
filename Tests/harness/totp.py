"""Codes of a second factor, as an authenticator shows them: RFC 6238 with SHA-1, 30 seconds and six digits."""

import base64
import hmac
import time


def code(secret, steps_ahead=0):
    """The code of a secret in base 32, now or some steps of 30 seconds later."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = int(time.time()) // 30 + steps_ahead
    digest = hmac.digest(key, step.to_bytes(8), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"
