"""Webhooks as a vendor's own software receives them: everything arrives, signed, whatever dies meanwhile."""

import base64
import collections
import contextlib
import datetime
import hmac
import os
import pathlib
import random
import statistics
import subprocess
import threading
import time
from concurrent import futures

import httpx
import pytest

from harness import deployment as deployments
from harness import given, processes, receiver, rest, topology
from harness.certificates import Certificates
from harness.receiver import Receiver

# How many changes the proof that nothing is lost makes; the issue's number is 20,000.
CHANGES = int(os.environ.get("LATCHKEY_WEBHOOK_CHANGES", "400"))
# As many as let the queues grow and be worked off.
CHANGES_PER_KILL = 40 if CHANGES < 1000 else 200
# Licenses that change at once, and how often each does.
LINES = 12
CHANGES_PER_LINE = 25
SEED = int(os.environ.get("LATCHKEY_WEBHOOK_SEED", "20261128"))


def test_a_delivery_is_signed_in_every_scheme(api):
    with Receiver() as inbox, receiver.webhook(api, inbox.url, events=["license.created"]) as hook:
        license = api.license(api.catalogue())
        delivery = next(one for one in inbox.wait_for(1) if one.event["licenseId"] == license["id"])
        assert receiver.is_signed(delivery, hook["secret"])
        assert not receiver.is_signed(delivery, hook["secret"][:-1] + "A")
        headers = delivery.headers
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + delivery.body
        key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
        code = base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
        assert headers["webhook-signature"] == f"v1,{code}"
        assert headers["content-type"] == "application/json"
        assert headers["x-licentric-event"] == "license.created"
        # Data is the resource as REST shows it.
        shown = rest.expect_data(api.get(f"/licenses/{license['id']}"))
        data = delivery.event["data"]
        assert {name: data[name] for name in ("id", "status", "productId")} == {
            name: shown[name] for name in ("id", "status", "productId")
        }
        assert data.get("key") is None
        assert license["key"] not in delivery.body.decode()


def test_the_legacy_scheme_has_no_timestamp(api):
    fields = {"events": ["license.created"], "signatureScheme": "legacy"}
    with Receiver() as inbox, receiver.webhook(api, inbox.url, **fields) as hook:
        api.license(api.catalogue())
        delivery = inbox.wait_for(1)[0]
        plain = hmac.new(hook["secret"].encode(), delivery.body, "sha256").hexdigest()
        assert delivery.headers["x-licentric-signature"] == plain
        assert "x-licentric-timestamp" not in delivery.headers


def test_events_of_machines_are_chosen_by_the_license_they_are_of(api):
    chosen, other = api.catalogue(), api.catalogue()
    fields = {
        "events": ["machine.activated", "machine.deactivated"],
        "productIds": [chosen.product["id"]],
        "licenseMetadata": {"tier": "pro"},
    }
    with Receiver() as inbox, receiver.webhook(api, inbox.url, **fields) as hook:
        wanted = api.license(chosen, metadata={"tier": "pro", "seats": 3})
        for license in (
            api.license(chosen, metadata={"tier": "basic"}),
            api.license(other, metadata={"tier": "pro"}),
            wanted,
        ):
            body = {"licenseId": license["id"], "fingerprint": given.fingerprint()}
            machine = rest.expect_data(api.post("/machines", body), 201)
            assert api.send("DELETE", f"/machines/{machine['id']}").status_code == 204
        inbox.wait_for(2)
        # The last was the one that is wanted, so the others would be here by now.
        listed = rest.expect_data(api.get(f"/webhooks/{hook['id']}/deliveries"))
        assert [one["licenseId"] for one in listed] == [wanted["id"]] * 2
        assert {one.event["type"] for one in inbox.deliveries} == set(fields["events"])


def test_a_private_authority_is_trusted_by_whose_bundle_it_is(api, tmp_path):
    certificates = Certificates(tmp_path)
    bundle = pathlib.Path(certificates.ca_file).read_text()
    events = ["license.created"]
    with Receiver(certificate=certificates.issue("localhost")) as inbox, receiver.webhook(
        api, inbox.url, events=events, caBundle=bundle
    ) as trusting, receiver.webhook(api, inbox.url, events=events) as other:
        license = api.license(api.catalogue())
        delivery = inbox.wait_for(1)[0]
        assert delivery.event["licenseId"] == license["id"]
        assert receiver.is_signed(delivery, trusting["secret"])

        def tried():
            listed = rest.expect_data(api.get(f"/webhooks/{other['id']}/deliveries"))
            return [one for one in listed if one["attempt"] > 0]

        # Without the bundle the certificate is of nobody who is trusted.
        refused = processes.poll(tried, 20, "an attempt")[0]
        assert refused["status"] == "pending" and "secure connection" in refused["error"]
        assert len(inbox.deliveries) == 1


def test_a_receiver_that_speaks_http_2_is_spoken_to_so(api, tmp_path):
    """Another stack than ours: a request with all of its headers and its body over one stream."""
    certificates = Certificates(tmp_path)
    bundle = pathlib.Path(certificates.ca_file).read_text()
    certificate, key = certificates.issue("localhost")
    (tmp_path / "hook").write_bytes(b"taken\n")
    port = processes.free_port()
    command = ["nghttpd", "--verbose", "-a", "127.0.0.1", "-d", tmp_path, port, key, certificate]
    with processes.Server(command, tmp_path / "nghttpd.log", port) as server, receiver.webhook(
        api, f"https://localhost:{port}/hook", events=["license.created"], caBundle=bundle
    ) as hook:
        api.license(api.catalogue())

        def taken():
            listed = rest.expect_data(api.get(f"/webhooks/{hook['id']}/deliveries"))
            return [one for one in listed if one["status"] == "succeeded"]

        delivery = processes.poll(taken, 20, "the delivery")[0]
        path = f"/webhooks/{hook['id']}/deliveries/{delivery['id']}"
        [attempt] = rest.expect_data(api.get(path))["attempts"]
        assert attempt["responseHead"].startswith("HTTP/2 200") and "nghttpd" in attempt["responseHead"]
        assert attempt["responseBody"] == "taken\n"
        for header in (":method: POST", ":path: /hook", f"x-licentric-delivery: {delivery['id']}"):
            assert header in server.text(), header


def test_validations_are_told_when_somebody_listens(api):
    license = given.license()(api)
    with Receiver() as inbox, receiver.webhook(api, inbox.url, events=["validation.failed"]):
        body = {"key": license["key"], "entitlements": ["missing"]}

        def told():
            api.client.post("/api/v1/licenses/validate-key", json=body)
            return inbox.deliveries

        processes.poll(told, 20, "an event of a validation", interval=0.2)
        event = inbox.deliveries[0].event
        assert event["type"] == "validation.failed" and event["sequence"] is None
        assert event["data"]["code"] == "ENTITLEMENTS_MISSING"
        assert event["data"]["license"]["id"] == license["licenseId"]


def test_what_failed_is_tried_again_after_the_waits_of_the_schedule(api):
    """The first two: five seconds and thirty, each a tenth longer or shorter."""
    fields = {"events": ["license.created"]}
    with Receiver(lambda _: 500) as inbox, receiver.webhook(api, inbox.url, **fields) as hook:
        api.license(api.catalogue())
        [listed] = processes.poll(lambda: api.get(f"/webhooks/{hook['id']}/deliveries").json()["data"], 20, "a delivery")

        def failed(count):
            """The delivery once so many attempts have failed, and how many seconds after the last the next one is due."""

            def is_logged():
                shown = rest.expect_data(api.get(f"/webhooks/{hook['id']}/deliveries/{listed['id']}"))
                # Before the first one there is no list of them.
                return shown if len(shown.get("attempts", [])) == count else None

            shown = processes.poll(is_logged, 20, f"{count} attempts")
            last = shown["attempts"][-1]
            assert (shown["status"], last["responseStatus"]) == ("pending", 500)
            ended = datetime.datetime.fromisoformat(last["startedAt"]) + datetime.timedelta(milliseconds=last["durationMs"])
            return (datetime.datetime.fromisoformat(shown["nextAttemptAt"]) - ended).total_seconds()

        # Times are told in whole milliseconds, and the wait begins when the end of the attempt is seen.
        assert 4.49 <= failed(1) <= 5.5 + 0.5
        assert 26.99 <= failed(2) <= 33 + 0.5
        first, second = inbox.deliveries
        assert 4.49 <= second.at - first.at <= 10


def test_a_receiver_that_hangs_does_not_slow_another(api, record_property):
    """The median from a change to its delivery, before, beside and after a receiver that never answers."""
    events = {"events": ["license.created"]}
    with Receiver() as fast, receiver.webhook(api, fast.url, **events):
        catalogue = api.catalogue()

        def delays(count):
            times = []
            for _ in range(count):
                before = len(fast.deliveries)
                sent = time.monotonic()
                license = api.license(catalogue)
                found = processes.poll(
                    lambda: [one for one in fast.deliveries[before:] if one.event["licenseId"] == license["id"]],
                    20,
                    "a delivery",
                    interval=0.001,
                )
                times.append(found[0].at - sent)
            return times

        delays(20)  # Connections are made, and statements prepared.
        alone = delays(100)
        # It answers once: before that a sender does not know whether one connection carries several requests, and waits.
        answers = iter([204])
        with Receiver(lambda _: next(answers, "hang")) as slow, receiver.webhook(api, slow.url, **events):
            beside = delays(200)
            # As many hang as may be under way to one receiver.
            assert len(slow.deliveries) >= 50
        # The receiver has closed its connections, so nothing hangs any more.
        alone += delays(100)
        ratio = statistics.median(beside) / statistics.median(alone)
        figures = (
            f"median {statistics.median(alone) * 1000:.1f} ms alone, "
            f"{statistics.median(beside) * 1000:.1f} ms beside one that hangs: {ratio:.2f}"
        )
        print(figures)
        record_property("figures", figures)
        assert ratio <= 1.5, figures


@pytest.fixture
def fragile(logs):
    """A deployment of this test's own, to be killed."""
    one = deployments.Deployment(logs / "latchkey-webhooks.log")
    one.start()
    try:
        yield one
    finally:
        left = one.stop()
    assert not left, left


def test_nothing_is_lost(fragile, record_property):
    """Changes while every process that has a part in it is killed in turn, and receivers fail, hang and reset."""
    chance = random.Random(SEED)
    guard = threading.Lock()

    def moody(_):
        with guard:
            return chance.choices([204, 500, "reset", "hang"], [88, 6, 5, 1])[0] if moody.is_on else 204

    moody.is_on = True
    victims = [
        ("webhooks", lambda: fragile.pid("webhooks")),
        ("licenses", lambda: fragile.pid("licenses")),
        ("postgres", fragile.postgres_pid),
    ]
    with Receiver(moody) as parallel, Receiver(moody) as ordered, rest.Api(
        fragile, fragile["LATCHKEY_TEST_API_KEY"]
    ) as api:
        wanted = {"events": ["license.created", "license.suspended", "license.reinstated"]}
        receiver.register(api, parallel.url, **wanted)
        receiver.register(api, ordered.url, ordering="ordered", **wanted)
        catalogue = api.catalogue()
        body = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"]}
        # So many changes lie between two kills that all is well again: a process that dies at once after its start is
        # left alone for a while by `latchkey up`.
        kills, made = [], 0
        while made < CHANGES or len(kills) < len(victims):
            killer = threading.Thread(target=kill, args=(*victims[len(kills) % len(victims)], kills))
            license = send(api, "/licenses", body)["id"]
            killer.start()
            for turn in range(CHANGES_PER_KILL - 1):
                send(api, f"/licenses/{license}/{('suspend', 'reinstate')[turn % 2]}", None)
            killer.join()
            made += CHANGES_PER_KILL
        moody.is_on = False
        processes.poll(
            lambda: attempt(lambda: fragile.sql("select count(*) from events.outbox")) == [["0"]],
            60,
            "an empty outbox",
        )
        rows = fragile.sql("select 'evt_' || replace(id::text, '-', '') from webhooks.events")
        ids = {row[0] for row in rows}
        assert len(ids) >= made

        def complete():
            hasten(fragile)
            return ids <= set(parallel.ids) and ids <= set(ordered.ids)

        processes.poll(complete, 300, "every event at both receivers", interval=1)
    expect_order(ordered.deliveries)
    figures = (
        f"seed {SEED}: {made} changes, {len(ids)} events, killed {len(kills)} times, "
        f"{len(parallel.deliveries)} and {len(ordered.deliveries)} requests"
    )
    print(figures)
    record_property("figures", figures)


def test_lines_beside_each_other_keep_their_order(fragile, record_property):
    """Licenses that change all at once, while two processes deliver their events and are killed in turn, and somebody
    pulls the feed beside it."""
    chance = random.Random(SEED)
    guard = threading.Lock()

    def moody(_):
        with guard:
            return chance.choices([204, 500, "reset"], [94, 3, 3])[0] if moody.is_on else 204

    moody.is_on = True
    second = topology.Replica(fragile, "webhooks")
    try:
        with Receiver(moody) as inbox, pulled(fragile) as pages, rest.Api(
            fragile, fragile["LATCHKEY_TEST_API_KEY"]
        ) as api:
            wanted = ["license.created", "license.suspended", "license.reinstated"]
            hook = receiver.register(api, inbox.url, ordering="ordered", events=wanted)
            catalogue = api.catalogue()
            body = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"]}
            with futures.ThreadPoolExecutor(LINES) as pool:
                lines = [pool.submit(change, fragile, body, CHANGES_PER_LINE) for _ in range(LINES)]
                kills = 0
                # At least each of them once, and for as long as anything changes.
                while kills < 2 or not all(line.done() for line in lines):
                    if kills % 2:
                        second.kill()
                        second.start()
                    else:
                        kill_first(fragile)
                    kills += 1
                    time.sleep(random.random() / 2)
                licenses = [line.result() for line in lines]
            moody.is_on = False
            total = LINES * CHANGES_PER_LINE

            def complete():
                hasten(fragile)
                return len(set(inbox.ids)) == total

            processes.poll(complete, 120, f"{total} events", interval=1)
            waiting = rest.expect_data(api.get(f"/webhooks/{hook['id']}/deliveries?status=waiting"))
            assert waiting == []
    finally:
        second.stop()
    last = expect_order(inbox.deliveries)
    assert last == {license: CHANGES_PER_LINE for license in licenses}
    # Who pulled has seen each event once, in the order of the feed, and most of it while it grew.
    feed = fragile.sql(
        """select 'evt_' || replace(id::text, '-', '') from webhooks.events
           where environment = 'test' order by position"""
    )
    assert [id for page in pages for id in page] == [row[0] for row in feed]
    assert len(pages) > LINES
    figures = (
        f"seed {SEED}: {LINES} lines of {CHANGES_PER_LINE}, killed {kills} times, {len(inbox.deliveries)} requests, "
        f"pulled in {len(pages)} pages"
    )
    print(figures)
    record_property("figures", figures)


@contextlib.contextmanager
def pulled(deployment):
    """Somebody who pulls the feed by cursor all the while; gives the pages of ids that were seen, which are complete when
    it ends."""
    pages, ended = [], threading.Event()
    with futures.ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(pull, deployment, pages, ended)
        try:
            yield pages
        finally:
            ended.set()
    pulling.result()


def pull(deployment, pages, ended):
    """Reads on behind the last cursor, until nothing is new after the end."""
    with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as api:
        cursor = None
        while True:
            is_last = ended.is_set()
            response = answered(lambda cursor=cursor: api.get("/events", params={"cursor": cursor} if cursor else {}))
            page = response.json()
            cursor = page["pagination"]["nextCursor"]
            if page["data"]:
                pages.append([event["id"] for event in page["data"]])
            elif is_last:
                return


def kill_first(deployment):
    """kill -9 of the process under `latchkey up`, and its successor's start."""
    first = deployment.pid("webhooks")
    processes.kill(first)
    processes.poll(lambda: attempt(lambda: deployment.pid("webhooks")) not in (None, first), 30, "its successor")


def change(deployment, body, count):
    """So many changes of one license, the first of which makes it; gives its id."""
    with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as api:
        license = send(api, "/licenses", body)["id"]
        for turn in range(count - 1):
            send(api, f"/licenses/{license}/{('suspend', 'reinstate')[turn % 2]}", None)
        return license


def hasten(deployment):
    """Has what waits for its next attempt made now, so that a test need not wait for hours; what is claimed is being
    made."""
    deployment.sql(
        """update webhooks.pending_deliveries set due_at = now()
           where due_at > now() + interval '2 s' and attempt_count > 0 and claimed_by is null"""
    )


def expect_order(deliveries):
    """The events of each license came in their order, as far as each came for the first time; gives the last of each."""
    lines = {}
    seen = set()
    for delivery in deliveries:
        if delivery.id in seen:
            continue
        seen.add(delivery.id)
        event = delivery.event
        assert event["sequence"] == lines.get(event["licenseId"], 0) + 1, event
        lines[event["licenseId"]] = event["sequence"]
    return lines


def kill(name, find, kills):
    """kill -9 at any moment of the next changes."""
    time.sleep(random.random() / 5)
    processes.kill(find())
    kills.append(name)


def attempt(ask):
    """What a question gives; None while the database is away."""
    try:
        return ask()
    except (subprocess.SubprocessError, OSError, AssertionError):
        return None


def send(api, path, body):
    """A change, made once however often it must be asked for."""
    key = {"idempotency-key": os.urandom(16).hex()}
    return answered(lambda: api.post(path, body, headers=key)).json()["data"]


def answered(ask):
    """The answer to a request, which is asked for until it comes."""
    refused = collections.Counter()
    for _ in range(600):
        try:
            response = ask()
            if response.status_code not in (429, 500, 502, 503, 504):
                assert response.is_success, response.text
                return response
            refused[response.text] += 1
        except httpx.TransportError as error:
            refused[repr(error)] += 1
        time.sleep(0.05)
    raise AssertionError(f"no answer: {refused}")
