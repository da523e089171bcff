"""States of things that rows of the contract begin in.

Each function gives one that, called with the REST client, makes it and names its parts: `id` is that of the thing
itself, and `{productId}`, `{policyId}`, `{licenseId}`, `{key}`, `{machineId}`, `{fingerprint}` and so on are what
belongs to it.
"""

import subprocess
import tempfile
import uuid

from . import processes, receiver, rest, users


def fingerprint():
    """A new one, as the SDK makes them: 64 characters of hex."""
    return uuid.uuid4().hex + uuid.uuid4().hex


def product(**fields):
    def make(api):
        made = api.product(**fields)
        return {"id": made["id"], "productId": made["id"], "code": made["code"]}

    return make


def api_key(**fields):
    def make(api):
        return {"id": api.api_key(**fields)["id"]}

    return make


def revoked_api_key():
    def make(api):
        made = api_key()(api)
        assert api.send("DELETE", f"/api-keys/{made['id']}").status_code == 204
        return made

    return make


def rotated_api_key():
    """`{id}` is that of the old key, `{successorId}` that of the new one."""

    def make(api):
        made = api_key()(api)
        answer = api.post(f"/api-keys/{made['id']}/rotate", {})
        return made | {"successorId": rest.expect_data(answer, 201)["id"]}

    return make


def two_products():
    """`{otherCode}` is taken by the second one."""

    def make(api):
        return product()(api) | {"otherCode": api.product()["code"]}

    return make


def policy(**fields):
    """A policy of a new product; `{otherPolicyId}` is one of another product."""

    def make(api):
        catalogue = api.catalogue(**fields)
        return {
            "id": catalogue.policy["id"],
            "policyId": catalogue.policy["id"],
            "productId": catalogue.product["id"],
        }

    return make


def entitlement(**fields):
    def make(api):
        body = {"code": f"feature-{uuid.uuid4().hex[:12]}", "name": "Feature", **fields}
        made = rest.expect_data(api.post("/entitlements", body), 201)
        return {"id": made["id"], "entitlementId": made["id"], "entitlementCode": made["code"]}

    return make


def webhook(**fields):
    """A webhook whose receiver is not there, for events that do not happen unless a test asks for others."""

    def make(api):
        fields_ = {"events": ["webhook.disabled"], **fields}
        return {"id": receiver.register(api, receiver.NOBODY, **fields_)["id"]}

    return make


def delivery(**fields):
    """A delivery that waits for its second attempt: `{id}` is its webhook, `{deliveryId}` its own id, `{eventId}` the
    event's."""

    def make(api):
        catalogue = api.catalogue()
        made = webhook(events=["license.created"], productIds=[catalogue.product["id"]], **fields)(api)
        api.license(catalogue)
        path = f"/webhooks/{made['id']}/deliveries"
        found = processes.poll(
            lambda: [one for one in api.get(path).json()["data"] if one["attempt"] or one["status"] == "skipped"],
            20,
            "a delivery",
        )[0]
        return made | {"deliveryId": found["id"], "eventId": found["eventId"]}

    return make


def event():
    """`{id}` is that of an event."""

    def make(api):
        license = api.license(api.catalogue())
        query = {"licenseId": license["id"]}
        found = processes.poll(lambda: api.get("/events", params=query).json()["data"], 20, "an event")[0]
        return {"id": found["id"], "licenseId": license["id"]}

    return make


def customer(**fields):
    def make(api):
        body = {"email": f"{uuid.uuid4().hex[:12]}@studio.example", **fields}
        made = rest.expect_data(api.post("/customers", body), 201)
        return {"id": made["id"], "email": made["email"]}

    return make


def license(policy=None, fields=None, machines=0, do=(), entitled=False):
    """A license under a policy with these fields, with so many machines, after these actions: the name of one,
    or (name, body).

    With `entitled`, its policy has `{policyCode}` and it has `{licenseCode}` itself.
    """

    def make(api):
        catalogue = api.catalogue(**(policy or {}))
        made = api.license(catalogue, **(fields or {}))
        names = {
            "id": made["id"],
            "licenseId": made["id"],
            "key": made["key"],
            "productId": catalogue.product["id"],
            "policyId": catalogue.policy["id"],
            "fingerprint": fingerprint(),
        }
        if entitled:
            for path in (f"/policies/{names['policyId']}", f"/licenses/{names['id']}"):
                code = entitlement()(api)["entitlementCode"]
                body = {"entitlementCodes": [code]}
                rest.expect_data(api.post(f"{path}/entitlements", body))
                names["policyCode" if "policies" in path else "licenseCode"] = code
        for number in range(machines):
            body = {"licenseId": made["id"], "fingerprint": fingerprint()}
            machine = rest.expect_data(api.post("/machines", body), 201)
            names |= {
                "machineId": machine["id"],
                "fingerprint": machine["fingerprint"],
            }
        for action in do:
            name, body = (action, None) if isinstance(action, str) else action
            rest.expect_data(api.post(f"/licenses/{made['id']}/{name}", body))
        return names

    return make


def unstored_key(**options):
    """A license whose product has ceased to store keys."""

    def make(api):
        names = license(**options)(api)
        path = f"/products/{names['productId']}"
        rest.expect_data(api.send("PATCH", path, json={"storeKeys": False}))
        return names

    return make


def expired(policy=None, **options):
    """A license whose expiry has passed since it was made."""

    def make(api):
        fields = {"expiresAt": rest.moment(seconds=1)}
        names = license(policy, fields, **options)(api)
        processes.poll(
            lambda: rest.expect_data(api.get(f"/licenses/{names['id']}"))["status"] != "active",
            8,
            "the license has expired",
        )
        return names

    return make


def machine(policy=None, **options):
    """A machine of a license; `{id}` is the machine's."""

    def make(api):
        names = license(policy, machines=1, **options)(api)
        return names | {"id": names["machineId"]}

    return make


def then(maker, action):
    """The license, and behind it an action."""

    def make(api):
        names = maker(api)
        rest.expect_data(api.post(f"/licenses/{names['licenseId']}/{action}"))
        return names

    return make


def both(*makers):
    """All of them; the `{id}` is that of the last."""

    def make(api):
        names = {}
        for maker in makers:
            names |= maker(api)
        return names

    return make


def deleted(maker, path):
    """The same, deleted; the path is that of its kind."""

    def make(api):
        names = maker(api)
        assert api.send("DELETE", f"{path}/{names['id']}").status_code == 204
        return names

    return make


def license_file(policy=None, **options):
    """A license with one license file, for a machine of it: `{certificate}` and `{serial}`."""

    def make(api):
        names = license(policy, machines=1, **options)(api)
        body = {"fingerprint": names["fingerprint"]}
        made = rest.expect_data(api.post(f"/licenses/{names['id']}/checkout", body))
        return names | {"certificate": made["certificate"], "serial": made["serial"]}

    return make


def closed_machine(*arguments, key, input=""):
    """What `latchkey-verify` writes on a machine without a network, which is given the license key."""
    done = subprocess.run(
        [processes.binary("latchkey-verify"), *arguments],
        input=input,
        env={"PATH": "/usr/bin:/bin", "LATCHKEY_LICENSE_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def file_request(policy=None, key=None, ttl=None, **options):
    """A license, and `{request}`: what a machine without a network asks for."""

    def make(api):
        names = license(policy, **options)(api)
        more = ["--ttl", str(ttl)] if ttl else []
        text = closed_machine(
            "request", "--fingerprint", names["fingerprint"], *more, key=key or names["key"]
        )
        return names | {"request": text}

    return make


def file_receipt(**options):
    """A license with a file, and `{receipt}`: what gives it up."""

    def make(api):
        names = license_file(**options)(api)
        text = closed_machine(
            "release", "-", "--fingerprint", names["fingerprint"],
            key=names["key"], input=names["certificate"],
        )  # fmt: skip
        return names | {"receipt": text}

    return make


def signing_key(state="active"):
    """The key that signs, or another one in a state."""

    def make(api):
        keys = rest.expect_data(api.get("/signing-keys"))["keys"]
        return {"id": next(key["id"] for key in keys if key["state"] == state)}

    return make


def signing_root():
    """A new root: `{account}` is what it is published for, `{succession}` what it has signed and is not installed yet."""

    def make(api):
        root = rest.expect_data(api.post("/signing-root", {"replace": True}), 201)
        proposed = rest.expect_data(api.get("/signing-root/succession"))
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(root["privateKey"])
            file.flush()
            signed = subprocess.run(
                [processes.binary("latchkey-verify"), "sign", "-", "--root-key", f"@{file.name}"],
                input=proposed["unsigned"], capture_output=True, text=True, timeout=60,
            )  # fmt: skip
        assert signed.returncode == 0, signed.stderr
        return {"account": api.account, "rootKeyId": root["keyId"], "succession": signed.stdout}

    return make


def retired_signing_key():
    """A key that has just been rotated away from."""

    def make(api):
        names = signing_key()(api)
        rest.expect_data(api.post("/signing-keys/rotate", {"force": True}))
        return names

    return make


def user(role="developer", second_factor=False):
    """A user of the account, who is logged in; `{secret}` is that of the second factor, confirmed or not."""

    def make(api):
        one = api.owner.invite(role)
        made = {"id": one.id, "user": one, "email": one.email, "password": users.PASSWORD}
        if second_factor is not False:
            secret = rest.expect_data(
                one.post("/api/dashboard/me/second-factor", {"password": users.PASSWORD}), 201
            )["secret"]
            made |= {"secret": secret, "code": users.code(secret)}
            if second_factor == "confirmed":
                answer = one.post("/api/dashboard/me/second-factor/confirm", {"code": made["code"]})
                made["recoveryCode"] = rest.expect_data(answer)["recoveryCodes"][0]
        return made

    return make


def half_a_login():
    """A user whose login waits for the second factor: `{challenge}` and a code, `{recoveryCode}`."""

    def make(api):
        made = user(second_factor="confirmed")(api)
        answer = rest.expect_data(made["user"].login())
        assert answer["status"] == "secondFactorNeeded", answer
        return made | {"challenge": answer["challenge"]}

    return make


def session():
    """Another session of the owner; `{id}` is its id."""

    def make(api):
        with users.User(api.deployment) as other:
            rest.expect_data(other.login(email=api.owner.email))
            return {"id": rest.expect_data(other.get("/api/dashboard/me"))["sessionId"]}

    return make


def invitation(role="support"):
    """`{token}` is what stands in the link."""

    def make(api):
        body = {"email": users.new_email(), "role": role}
        made = rest.expect_data(api.owner.post("/api/dashboard/invitations", body), 201)
        return {"id": made["id"], "email": made["email"], "token": made["link"].split("#")[1]}

    return make


def password_reset():
    """A link for a user; `{token}` is what stands in it, `{id}` the user's."""

    def make(api):
        made = user()(api)
        answer = api.owner.post(f"/api/dashboard/users/{made['id']}/password-reset")
        link = rest.expect_data(answer, 201)["link"]
        return made | {"token": link.split("#")[1]}

    return make
