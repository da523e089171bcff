"""What vendors run today accepts the same real delivery, and refuses what was tampered with."""

import base64
import datetime
import hashlib
import hmac
import json
import pathlib
import shutil
import subprocess
import sys
import time

import licentric
import pytest
import standardwebhooks

from harness import receiver
from harness.receiver import Receiver

NODE = pathlib.Path(__file__).parent / "receivers" / "verify.mjs"


class Sent:
    """A delivery as a receiver has it, and what somebody may have made of it."""

    def __init__(self, headers, body, secret):
        self.headers, self.body, self.secret = dict(headers), body, secret

    def changed(self):
        return Sent(self.headers, self.body.replace(b"license.created", b"license.creates"), self.secret)

    def with_secret(self, secret):
        return Sent(self.headers, self.body, secret)

    def at(self, seconds):
        """The same, said to be of another time: nobody can sign that."""
        moment = str(int(time.time()) + seconds)
        headers = self.headers | {"x-licentric-timestamp": moment, "webhook-timestamp": moment}
        return Sent(headers, self.body, self.secret)


def by_node(sent):
    question = {
        "secret": sent.secret,
        "signature": sent.headers["x-licentric-signature-body"],
        "body": base64.b64encode(sent.body).decode(),
    }
    node = shutil.which("node")
    assert node, "Node is missing; Scripts/install-packages installs it"
    done = subprocess.run(
        [node, str(NODE)], input=json.dumps(question), capture_output=True, text=True, timeout=20, check=True
    )
    return done.stdout.strip() == "true"


def by_python(sent):
    """The function that receivers in Python run."""
    expected = hmac.new(sent.secret.encode(), sent.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, sent.headers["x-licentric-signature-body"])


def by_sdk(sent):
    try:
        event = licentric.verify_webhook(
            sent.body,
            sent.headers["x-licentric-signature"],
            sent.headers["x-licentric-timestamp"],
            sent.secret,
        )
    except Exception:
        return False
    return event.type == "license.created"


def by_standard_webhooks(sent):
    try:
        return standardwebhooks.Webhook(sent.secret).verify(sent.body, sent.headers)["type"] == "license.created"
    except standardwebhooks.WebhookVerificationError:
        return False


VERIFIERS = {"node": by_node, "python": by_python, "licentric": by_sdk, "standardwebhooks": by_standard_webhooks}
# The other two look at the body alone.
WITH_TIME = ["licentric", "standardwebhooks"]


@pytest.fixture(scope="module")
def sent(api):
    with Receiver() as inbox, receiver.webhook(api, inbox.url, events=["license.created"]) as hook:
        api.license(api.catalogue())
        delivery = inbox.wait_for(1)[0]
        return Sent(delivery.headers, delivery.body, hook["secret"])


@pytest.mark.parametrize("name", VERIFIERS)
def test_it_is_accepted(name, sent):
    assert VERIFIERS[name](sent)


@pytest.mark.parametrize("name", VERIFIERS)
def test_a_changed_byte_is_refused(name, sent):
    assert not VERIFIERS[name](sent.changed())


@pytest.mark.parametrize("name", VERIFIERS)
def test_another_secret_is_refused(name, sent, api):
    other = receiver.register(api, receiver.NOBODY, events=["webhook.disabled"])["secret"]
    assert not VERIFIERS[name](sent.with_secret(other))


@pytest.mark.parametrize("seconds", [-400, 400])
@pytest.mark.parametrize("name", WITH_TIME)
def test_another_time_is_refused(name, seconds, sent):
    assert not VERIFIERS[name](sent.at(seconds))


@pytest.mark.parametrize("name", WITH_TIME)
def test_a_stale_delivery_is_refused(name, sent, monkeypatch):
    """As it came, but seen ten minutes later."""
    later = time.time() + 600
    if name == "licentric":
        with pytest.raises(Exception, match="old|stamp"):
            licentric.verify_webhook(
                sent.body,
                sent.headers["x-licentric-signature"],
                sent.headers["x-licentric-timestamp"],
                sent.secret,
                now=later,
            )
    else:
        class Later(datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.datetime.fromtimestamp(later, tz)

        monkeypatch.setattr(sys.modules[standardwebhooks.Webhook.__module__], "datetime", Later)
        assert not by_standard_webhooks(sent)
