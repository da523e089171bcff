"""`latchkey listen`: a developer's own receiver is sent what happens, and misses nothing, whatever ends meanwhile."""

import contextlib
import os
import re
import signal
import subprocess
import threading

import pytest
import standardwebhooks

from harness import processes, receiver, rest, topology
from harness.receiver import Receiver

BEGUN = re.compile(r"Listening, from cursor (\d+) on\n")
# What it says last.
STOPPED = re.compile(r"stopped; go on with --cursor (\d+)\n(latchkey: [^\n]+\n)?\Z")


def command(inbox, *options):
    return [processes.binary("latchkey"), "listen", "--forward", inbox.url, *options]


def environment(deployment, **others):
    """What names a deployment to the tool, but for what else is to be said."""
    named = {name: deployment[name] for name in ("LATCHKEY_URL", "LATCHKEY_CA_FILE", "LATCHKEY_TEST_API_KEY")}
    return os.environ | named | others


@pytest.fixture
def listening(deployment, tmp_path):
    """Starts the tool, and waits until its stream has begun."""

    @contextlib.contextmanager
    def start(inbox, *options, **others):
        log = tmp_path / f"listen-{len(list(tmp_path.iterdir()))}.log"
        with processes.Server(command(inbox, *options), log, env=environment(deployment, **others)) as listen:
            processes.poll(lambda: listen.expect_running() and BEGUN.search(listen.text()), 20, "it listens")
            yield listen

    return start


def change(api, license, *actions):
    """Has a license go through actions."""
    for action in actions:
        rest.expect_data(api.post(f"/licenses/{license['id']}/{action}"))


def told(inbox, license):
    """What the receiver was sent of a license, as it came."""
    return [one for one in list(inbox.deliveries) if one.event["licenseId"] == license["id"]]


def wait_for(inbox, license, *types):
    """Until these events of a license have come, and nothing else of it."""
    processes.poll(lambda: len(told(inbox, license)) >= len(types), 20, f"{types}")
    found = told(inbox, license)
    assert [one.event["type"] for one in found] == list(types)
    return found


def wait_for_feed(api, license, count):
    """Until so many events of a license are in the feed."""

    def is_there():
        return len(api.get("/events", params={"licenseId": license["id"]}).json()["data"]) == count

    processes.poll(is_there, 20, f"{count} events in the feed")


def interrupt(listen):
    """Ctrl-C; gives the cursor that it says."""
    listen.process.send_signal(signal.SIGINT)
    return ended(listen)


def ended(listen, status=0):
    """Until it has ended by itself; gives the cursor that it says."""
    assert listen.process.wait(20) == status, listen.text()
    said = STOPPED.search(listen.text())
    assert said, listen.text()
    return said[1]


def test_it_posts_each_event_signed_and_shows_the_reply(deployment, api, tmp_path):
    """By the data directory, as a developer says it who has `latchkey up` running beside it."""
    answers = {"license.created": 204, "license.suspended": 500, "license.reinstated": "reset", "license.revoked": 200}
    replies = {
        "license.created": "204",
        "license.suspended": "500",
        "license.reinstated": "The connection ended before the reply was complete[^\n]*",
        "license.revoked": "200",
    }
    with Receiver(lambda delivery: answers[delivery.event["type"]]) as inbox:
        options = ["--data-dir", deployment.data_directory]
        with processes.Server(command(inbox, *options), tmp_path / "listen.log") as listen:
            processes.poll(lambda: listen.expect_running() and BEGUN.search(listen.text()), 20, "it listens")
            [secret] = re.findall(r"signed with (whsec_\S+)\n", listen.text())
            license = api.license(api.catalogue())
            change(api, license, "suspend", "reinstate", "revoke")
            # What is reset on a connection that was kept open is sent by libcurl over a new one too, within the attempt.
            again = ["license.created", "license.suspended"] + 2 * ["license.reinstated"] + ["license.revoked"]
            deliveries = wait_for(inbox, license, *again)
            first, second = deliveries[2:4]
            assert first.headers == second.headers and first.body == second.body
            for delivery in deliveries:
                line = re.compile(
                    rf"^{delivery.event['type']} {delivery.id} -> {replies[delivery.event['type']]} \(\d+ ms\)$", re.M
                )
                processes.poll(lambda line=line: line.findall(listen.text()), 5, f"{line.pattern} in {listen.text()}")
                assert len(line.findall(listen.text())) == 1
            interrupt(listen)
    # What failed was not tried again.
    assert told(inbox, license) == deliveries
    other = receiver.register(api, receiver.NOBODY, events=["webhook.disabled"])["secret"]
    for delivery in deliveries:
        shown = standardwebhooks.Webhook(secret).verify(delivery.body, delivery.headers)
        assert shown == delivery.event
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(other).verify(delivery.body, delivery.headers)
        assert receiver.is_signed(delivery, secret) and not receiver.is_signed(delivery, other)


def test_it_posts_what_was_chosen(api, listening):
    with Receiver() as inbox, listening(inbox, "--events", "license.suspended", "license.revoked") as listen:
        license = api.license(api.catalogue())
        change(api, license, "suspend", "reinstate", "revoke")
        # One after the other, so what lies between them would be here.
        deliveries = wait_for(inbox, license, "license.suspended", "license.revoked")
        processes.poll(lambda: deliveries[-1].id in listen.text(), 5, "its reply")
        assert not re.search(r"^license\.(created|reinstated) ", listen.text(), re.M)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--events", "license.created", "license.creatd"], "there is no type license.creatd; there are *, license.created"),
        (["--events", "license"], "there is no type license; "),
        (["--cursor", "nobody"], "The gateway refused the cursor: "),
        (["--cursor", ""], "The gateway refused the cursor: "),
    ],
)
def test_what_would_match_nothing_is_refused(options, said, deployment):
    with Receiver() as inbox:
        done = subprocess.run(
            command(inbox, *options), env=environment(deployment), capture_output=True, text=True, timeout=20
        )
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith("latchkey: ") and said in done.stderr
    assert "Listening" not in done.stdout


@pytest.mark.parametrize("before", [["suspend"], []], ids=["after-an-event", "before-any"])
def test_it_goes_on_where_it_was_stopped(before, api, listening):
    license = api.license(api.catalogue())
    # What happened before it listened is not told.
    wait_for_feed(api, license, 1)
    with Receiver() as inbox:
        with listening(inbox) as listen:
            change(api, license, *before)
            first = wait_for(inbox, license, *(["license.suspended"] if before else []))
            cursor = interrupt(listen)
        change(api, license, *([] if before else ["suspend"]), "reinstate")
        with listening(inbox, "--cursor", cursor) as listen:
            assert BEGUN.search(listen.text())[1] == cursor
            change(api, license, "revoke")
            # Neither is any missing, nor does the first come again.
            found = wait_for(inbox, license, "license.suspended", "license.reinstated", "license.revoked")
            assert found[: len(first)] == first


def test_what_it_had_not_posted_when_it_was_stopped_is_left_to_the_next_run(api, listening):
    """One event is being posted and others have come behind it."""
    may_answer = threading.Event()

    def answer(_):
        may_answer.wait(20)
        return 204

    with Receiver(answer) as inbox:
        with listening(inbox) as listen:
            license = api.license(api.catalogue())
            inbox.wait_for(1)
            change(api, license, "suspend", "reinstate")
            wait_for_feed(api, license, 3)
            files = processes.open_files(listen.pid)
            listen.process.send_signal(signal.SIGINT)
            processes.poll(lambda: processes.open_files(listen.pid) < files, 5, "the stream is closed")
            may_answer.set()
            cursor = ended(listen)
        wait_for(inbox, license, "license.created")
        with listening(inbox, "--cursor", cursor):
            wait_for(inbox, license, "license.created", "license.suspended", "license.reinstated")


@pytest.mark.parametrize("service", ["gateway", "webhooks"])
def test_nothing_is_missed_when_the_stream_breaks_before_the_first_event(service, deployment, api, listening):
    """The stream's own gateway and webhooks process are killed, while others go on and have the feed grow."""
    with contextlib.ExitStack() as stack:
        webhooks = topology.Replica(deployment, "webhooks")
        stack.callback(webhooks.stop)
        gateway = stack.enter_context(topology.gateway(deployment, LATCHKEY_WEBHOOKS_ADDRESS=webhooks.address))
        victim = {"gateway": gateway, "webhooks": webhooks}[service]
        inbox = stack.enter_context(Receiver())
        listen = stack.enter_context(listening(inbox, LATCHKEY_URL=gateway.url))
        victim.kill()
        processes.poll(lambda: "trying again" in listen.text(), 20, "it has noticed")
        license = api.license(api.catalogue())
        change(api, license, "suspend")

        wait_for_feed(api, license, 2)
        assert told(inbox, license) == []
        victim.start()
        wait_for(inbox, license, "license.created", "license.suspended")
        assert "connected again" in listen.text()
        # Nor afterwards.
        victim.kill()
        change(api, license, "reinstate")
        victim.start()
        wait_for(inbox, license, "license.created", "license.suspended", "license.reinstated")


def test_a_key_that_is_refused_ends_it_and_loses_nothing(deployment, api, listening):
    key = api.api_key(scopes=["webhooks:read"])
    with topology.gateway(deployment) as gateway, Receiver() as inbox:
        with listening(inbox, LATCHKEY_URL=gateway.url, LATCHKEY_TEST_API_KEY=key["key"]) as listen:
            gateway.kill()
            assert api.send("DELETE", f"/api-keys/{key['id']}").status_code == 204
            license = api.license(api.catalogue())
            wait_for_feed(api, license, 1)
            gateway.start()
            cursor = ended(listen, 1)
            assert "latchkey: The gateway refused the stream: " in listen.text()
        assert told(inbox, license) == []
        with listening(inbox, "--cursor", cursor):
            wait_for(inbox, license, "license.created")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nobody", "--forward: Must begin with https:// or http://"),
        ("ftp://127.0.0.1/hook", "--forward: Must begin with https:// or http://"),
        ("http://user@127.0.0.1/hook", "--forward: Must not hold a user name or password"),
        ("http://169.254.169.254/hook", "--forward: The host is "),
    ],
)
def test_a_receiver_that_cannot_be_called_is_refused(url, said, deployment):
    expect_refusal(deployment, {}, said, url)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (lambda deployment: "lk_test_" + "0" * 36, "The gateway refused the stream: "),
        (lambda deployment: "nonsense", "The gateway refused the stream: "),
        (
            lambda deployment: deployment["LATCHKEY_LIVE_API_KEY"],
            "Only events of the test environment are streamed; use a test API key",
        ),
    ],
    ids=["unknown", "malformed", "live"],
)
def test_a_key_of_no_test_environment_is_refused(key, said, deployment):
    shown = key(deployment)
    done = expect_refusal(deployment, {"LATCHKEY_TEST_API_KEY": shown}, said)
    assert shown not in done.stdout + done.stderr


def expect_refusal(deployment, others, said, url=receiver.NOBODY):
    """It ends by itself with 1 and a sentence, without having listened; gives what it said."""
    done = subprocess.run(
        [processes.binary("latchkey"), "listen", "--forward", url],
        env=environment(deployment) | others,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith("latchkey: ") and said in done.stderr, done.stderr
    assert "Listening" not in done.stdout
    return done
