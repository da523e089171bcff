"""Every type of event of the contract, from the change that causes it to the webhooks that want it."""

import contextlib
import re

import standardwebhooks

from harness import given, processes, receiver, rest
from harness.receiver import Receiver

# The contract's section 5.2.
TYPES = {
    "license.created", "license.activated", "license.updated", "license.suspended", "license.reinstated",
    "license.revoked", "license.renewed", "license.expired", "license.deleted", "license.limit_reached",
    "machine.activated", "machine.deactivated", "machine.heartbeat", "machine.dead",
    "validation.success", "validation.failed",
}  # fmt: skip
# They belong to no change of the license, and so have no place among its events.
WITHOUT_SEQUENCE = {"machine.heartbeat", "validation.success", "validation.failed"}
# The shortest that a policy can ask for, and the sweeper's turn.
DEATH_SECONDS = 60 + 5


def activate(api, license):
    body = {"licenseId": license["id"], "fingerprint": given.fingerprint()}
    return api.post("/machines", body)


def of(inbox, license):
    """The events of a license that came, each once."""
    events = {one.id: one.event for one in list(inbox.deliveries)}
    return [event for event in events.values() if event["licenseId"] == license["id"]]


def line(inbox, license):
    """The changes of a license that came, in the order of its sequence."""
    told = [event for event in of(inbox, license) if event["sequence"] is not None]
    return sorted(told, key=lambda event: event["sequence"])


def wait_for(inbox, license, types, seconds=20):
    """Until so many changes of a license have come; they are these, and their sequence has no gaps."""
    processes.poll(lambda: len(line(inbox, license)) >= len(types), seconds, f"{types}")
    told = line(inbox, license)
    assert [(event["type"], event["sequence"]) for event in told] == list(zip(types, range(1, len(types) + 1)))
    return told


def test_every_type_comes_of_its_change(api):
    catalogue = api.catalogue(maxMachines=1)
    # It stays where it is when it is dead, so that its death is told and nothing else.
    lively = api.catalogue(requireHeartbeat=True, heartbeatIntervalMinutes=1, heartbeatCullStrategy="KEEP_DEAD")
    with Receiver() as inbox, receiver.webhook(api, inbox.url, events=["*"]) as hook:
        # One whose machine falls silent.
        silent = api.license(lively)
        machine = rest.expect_data(activate(api, silent), 201)

        def heard():
            rest.expect_data(api.post(f"/machines/{machine['id']}/heartbeat"))
            return [event for event in of(inbox, silent) if event["type"] == "machine.heartbeat"]

        # Until the licenses service knows that somebody is told.
        heartbeat = processes.poll(heard, 20, "a heartbeat", interval=0.2)[0]
        assert heartbeat["data"]["id"] == machine["id"] and heartbeat["data"]["heartbeatStatus"] == "ALIVE"

        # One that expires, and is renewed.
        brief = api.license(catalogue, expiresAt=rest.moment(seconds=1))
        wait_for(inbox, brief, ["license.created", "license.expired"])
        expiry = rest.moment(days=30)
        rest.expect_data(api.post(f"/licenses/{brief['id']}/renew", {"expiresAt": expiry}))
        _, expired, renewed = wait_for(inbox, brief, ["license.created", "license.expired", "license.renewed"])
        assert expired["data"]["status"] == "expired"
        assert renewed["data"]["status"] == "active" and renewed["data"]["expiresAt"] == expiry

        # One with all that a license goes through by request.
        license = api.license(catalogue)
        path = f"/licenses/{license['id']}"
        assert api.validate(license["key"])["code"] == "VALID"
        first = rest.expect_data(activate(api, license), 201)
        rest.expect_error(activate(api, license), 422)
        assert api.send("DELETE", f"/machines/{first['id']}").status_code == 204
        rest.expect_data(api.send("PATCH", path, json={"name": "Atelier Ost"}))
        rest.expect_data(api.post(f"{path}/suspend"))
        assert api.validate(license["key"])["code"] == "SUSPENDED"
        rest.expect_data(api.post(f"{path}/reinstate"))
        rest.expect_data(api.post(f"{path}/revoke"))
        assert api.send("DELETE", path).status_code == 204
        changes = wait_for(inbox, license, [
            "license.created", "license.activated", "machine.activated", "license.limit_reached", "machine.deactivated",
            "license.updated", "license.suspended", "license.reinstated", "license.revoked", "license.deleted",
        ])  # fmt: skip
        assert changes[1]["data"]["usesCount"] == 1
        assert {event["data"]["id"] for event in changes if event["type"].startswith("machine.")} == {first["id"]}
        assert {event["data"]["id"] for event in changes if event["type"].startswith("license.")} == {license["id"]}
        assert changes[5]["data"]["name"] == "Atelier Ost"
        states = ["suspended", "active", "revoked"]
        assert [event["data"]["status"] for event in changes[6:9]] == states
        assert changes[9]["data"]["deletedAt"] is not None

        def validations():
            return {event["type"]: event for event in of(inbox, license) if event["type"].startswith("validation.")}

        processes.poll(lambda: len(validations()) == 2, 20, "both verdicts")
        assert validations()["validation.success"]["data"]["code"] == "VALID"
        assert validations()["validation.failed"]["data"]["code"] == "SUSPENDED"

        types = ["license.created", "machine.activated", "machine.dead"]
        dead = wait_for(inbox, silent, types, DEATH_SECONDS + 20)[-1]
        assert dead["data"]["id"] == machine["id"] and dead["data"]["heartbeatStatus"] == "DEAD"

        assert {event["type"] for one in (silent, brief, license) for event in of(inbox, one)} == TYPES
        for delivery in inbox.deliveries:
            expect_envelope(delivery.event)
            headers = delivery.headers
            assert headers["x-licentric-event"] == delivery.event["type"] and headers["webhook-id"] == delivery.id
            assert receiver.is_signed(delivery, hook["secret"])
            standardwebhooks.Webhook(hook["secret"]).verify(delivery.body, headers)
            assert not any(one["key"] in delivery.body.decode() for one in (silent, brief, license))


def expect_envelope(event):
    """What is the same of all events of licenses."""
    names = {"id", "type", "createdAt", "apiVersion", "environment", "licenseId", "sequence", "data"}
    assert set(event) == names
    assert re.fullmatch("evt_[0-9a-f]{32}", event["id"])
    assert rest.TIMESTAMP.fullmatch(event["createdAt"])
    assert (event["apiVersion"], event["environment"]) == ("v1", "test")
    assert isinstance(event["data"], dict)
    assert (event["sequence"] is None) == (event["type"] in WITHOUT_SEQUENCE)


def test_a_webhook_for_everything_is_sent_its_own_only(api):
    """Chosen by product, by the license's metadata and by both; three of four licenses differ in one or in both."""
    product, other = api.catalogue(), api.catalogue()
    pro = {"tier": "pro"}
    licenses = {
        "other product": api.license(other, metadata=pro),
        "other metadata": api.license(product, metadata={"tier": "basic"}),
        "both other": api.license(other, metadata={"tier": "basic"}),
        "own": api.license(product, metadata=pro | {"seats": 3}),
    }
    of_product, of_pro = {"productIds": [product.product["id"]]}, {"licenseMetadata": pro}
    choices = [
        (of_product, {"own", "other metadata"}),
        (of_pro, {"own", "other product"}),
        (of_product | of_pro, {"own"}),
    ]
    names = {license["id"]: name for name, license in licenses.items()}
    with contextlib.ExitStack() as stack:
        hooks = []
        for fields, wanted in choices:
            inbox = stack.enter_context(Receiver())
            hook = stack.enter_context(receiver.webhook(api, inbox.url, events=["*"], **fields))
            hooks.append((inbox, hook, wanted))
        for license in licenses.values():
            machine = rest.expect_data(activate(api, license), 201)
            rest.expect_data(api.post(f"/licenses/{license['id']}/suspend"))
            rest.expect_data(api.post(f"/licenses/{license['id']}/reinstate"))
            assert api.send("DELETE", f"/machines/{machine['id']}").status_code == 204

        def kinds(inbox):
            """Which license was told of, and what kinds of events."""
            told = [one.event for one in list(inbox.deliveries)]
            return {(names.get(event["licenseId"]), event["type"].split(".")[0]) for event in told}

        def is_complete():
            # The own one is the last of each turn: when its verdict is told, those before it are.
            for license in licenses.values():
                api.validate(license["key"])
            return all(
                kinds(inbox) >= {(name, kind) for name in wanted for kind in ("license", "machine", "validation")}
                for inbox, _, wanted in hooks
            )

        processes.poll(is_complete, 20, "events of every kind at every receiver", interval=0.2)
        for inbox, hook, wanted in hooks:
            assert {name for name, _ in kinds(inbox)} == wanted
            # What may be under way to it still.
            log = rest.expect_data(api.get(f"/webhooks/{hook['id']}/deliveries", params={"limit": 100}))
            assert {names.get(one["licenseId"]) for one in log} == wanted
