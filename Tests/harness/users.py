"""Users of the dashboard: how tests invite them, log them in, and call as they do."""

import base64
import hashlib
import hmac
import http.cookies
import struct
import subprocess
import time
import uuid

import httpx

from . import processes, rest

PASSWORD = "a horse in the garden"
COOKIE = "__Host-latchkey-session"
ROLES = ("owner", "admin", "developer", "support", "read-only")

# What our own pages send with what changes something.
OURS = {"x-latchkey-csrf": "1"}


def token_in(response):
    """The token in the cookie that an answer sets; its attributes are judged by the way. None for none."""
    if "set-cookie" not in response.headers:
        return None
    cookie = http.cookies.SimpleCookie(response.headers["set-cookie"])
    assert set(cookie) == {COOKIE}, cookie
    morsel = cookie[COOKIE]
    assert morsel["secure"] and morsel["httponly"], cookie
    assert morsel["samesite"] == "Strict" and morsel["path"] == "/" and not morsel["domain"], cookie
    return morsel.value


def operators_link(deployment, email, role="owner"):
    """The link that `latchkey users invite` prints."""
    done = subprocess.run(
        [processes.binary("latchkey"), "users", "invite", email, "--role", role,
         "--data-dir", str(deployment.data_directory)],
        capture_output=True,
        text=True,
        timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def new_email():
    return f"{uuid.uuid4().hex[:16]}@studio.example"


def code(secret, at=None):
    """What an authenticator shows (RFC 6238), computed without a line of ours."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = int((time.time() if at is None else at) // 30)
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


class User:
    """Somebody who calls by the cookie of a session, which is kept here and changes as answers say."""

    def __init__(self, deployment, url=None, token=None, address=None):
        self.deployment = deployment
        self.url = url or deployment.url
        self.token = token
        self.id = self.email = None
        # All tests come from one address; those that are to be refused for it come from another one.
        transport = httpx.HTTPTransport(
            verify=deployment.trust(), local_address=address or "0.0.0.0"
        )
        self.client = rest.without_cookies(
            httpx.Client(base_url=self.url, transport=transport, timeout=20)
        )

    def close(self):
        self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def at(self, url):
        """The same user at another gateway, with the same session as of now."""
        user = User(self.deployment, url, self.token)
        user.id, user.email = self.id, self.email
        return user

    def send(self, method, path, environment=None, **options):
        """A request with the session, where there is one."""
        headers = dict(OURS)
        if self.token:
            headers["cookie"] = f"{COOKIE}={self.token}"
        if environment:
            headers["latchkey-environment"] = environment
        headers.update(options.pop("headers", {}))
        response = self.client.request(method, rest.whole(path), headers=headers, **options)
        given = token_in(response)
        if given is not None:
            self.token = given
        return response

    def get(self, path, **options):
        return self.send("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.send("POST", path, json=body, **options)

    # How users come in.

    def accept(self, link, password=PASSWORD, name="Somebody"):
        """Becomes the user whom a link invites."""
        body = {"token": link.split("#")[1], "name": name, "password": password}
        made = rest.expect_data(self.post("/api/dashboard/invitations/accept", body), 201)
        self.id, self.email = made["id"], made["email"]
        return self

    def login(self, password=PASSWORD, email=None):
        """Tries to log in; gives the answer."""
        return self.post("/api/dashboard/login", {"email": email or self.email, "password": password})

    def invite(self, role, url=None):
        """Somebody new in this user's account, who is logged in."""
        body = {"email": new_email(), "role": role}
        made = rest.expect_data(self.post("/api/dashboard/invitations", body), 201)
        return User(self.deployment, url).accept(made["link"])


def first_owner(deployment):
    """An owner by the operator's word."""
    return User(deployment).accept(operators_link(deployment, new_email()))
