"""What vendors run today accepts the same real delivery, and refuses what was tampered with."""

import base64
import datetime
import hashlib
import hmac
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

import licentric
import pytest
import standardwebhooks

from harness import processes, receiver, rest
from harness.receiver import Receiver

NODE = pathlib.Path(__file__).parent / "receivers" / "verify.mjs"
# Where users find functions to copy.
PAGE = processes.REPOSITORY / "Services/Webhooks/Sending/README.md"


class Sent:
    """A delivery as a receiver has it, and what somebody may have made of it."""

    def __init__(self, headers, body, secret):
        self.headers, self.body, self.secret = dict(headers), body, secret

    def changed(self, part=0.5):
        """With a bit of one byte turned over, as far behind the beginning."""
        body = bytearray(self.body)
        body[int(part * (len(body) - 1))] ^= 1
        return Sent(self.headers, bytes(body), self.secret)

    def with_secret(self, secret):
        return Sent(self.headers, self.body, secret)

    def as_next(self):
        """As a receiver has it that reads the new secret's headers during an overlap."""
        names = ("x-licentric-signature", "x-licentric-signature-body")
        headers = self.headers | {name: self.headers[f"{name}-next"] for name in names}
        return Sent(headers, self.body, self.secret)

    def at(self, seconds):
        """The same, said to be of another time: nobody can sign that who has not the secret."""
        moment = str(int(time.time()) + seconds)
        headers = self.headers | {"x-licentric-timestamp": moment, "webhook-timestamp": moment}
        return Sent(headers, self.body, self.secret)

    def signed_at(self, seconds):
        """As its sender would have signed it at another time."""
        sent = self.at(seconds)
        timestamp = sent.headers["webhook-timestamp"]
        sent.headers["x-licentric-signature"] = receiver.signature(self.secret, timestamp, self.body)
        sent.headers["webhook-signature"] = standardwebhooks.Webhook(self.secret).sign(
            msg_id=self.headers["webhook-id"],
            timestamp=datetime.datetime.fromtimestamp(int(timestamp), datetime.UTC),
            data=self.body.decode(),
        )
        return sent


def node_says(question, *arguments):
    """Whether a program says true of a question that it reads from its standard input."""
    node = shutil.which("node")
    assert node, "Node is missing; Scripts/install-packages installs it"
    done = subprocess.run(
        [node, *arguments], input=json.dumps(question), capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout.strip() in ("true", "false"), done.stdout
    return done.stdout.strip() == "true"


def by_node(sent):
    question = {
        "secret": sent.secret,
        "signature": sent.headers["x-licentric-signature-body"],
        "body": base64.b64encode(sent.body).decode(),
    }
    return node_says(question, str(NODE))


def by_python(sent):
    """The function that receivers in Python run."""
    expected = hmac.new(sent.secret.encode(), sent.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, sent.headers["x-licentric-signature-body"])


def by_sdk(sent):
    try:
        licentric.verify_webhook(
            sent.body,
            sent.headers["x-licentric-signature"],
            sent.headers["x-licentric-timestamp"],
            sent.secret,
        )
    except licentric.WebhookSignatureError as error:
        # Not that the event could not be read, which comes after it.
        assert error.reason in ("signature_mismatch", "timestamp_too_old", "timestamp_in_future"), error.reason
        return False
    return True


def by_standard_webhooks(sent):
    try:
        standardwebhooks.Webhook(sent.secret).verify(sent.body, sent.headers, json_parse=False)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def of_page(language):
    """The function that the page on signatures has in a language."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return code


def by_page_in_node(sent):
    question = {
        "headers": sent.headers,
        "body": base64.b64encode(sent.body).decode(),
        "secrets": [sent.secret],
    }
    asking = """
let text = "";
for await (const chunk of process.stdin) text += chunk;
const { headers, body, secrets } = JSON.parse(text);
console.log(verify(headers, Buffer.from(body, "base64"), secrets));
"""
    return node_says(question, "--input-type=module", "--eval", of_page("js") + asking)


def by_page_in_python(sent):
    names = {}
    exec(of_page("python"), names)
    return names["verify"](sent.headers, sent.body, [sent.secret])


VERIFIERS = {
    "node": by_node,
    "python": by_python,
    "licentric": by_sdk,
    "standardwebhooks": by_standard_webhooks,
    "page-node": by_page_in_node,
    "page-python": by_page_in_python,
}
# The first two look at the body alone.
WITH_TIME = ["licentric", "standardwebhooks", "page-node", "page-python"]
# These know nothing of a second header: who has the new secret during an overlap gives them that of the new one.
OF_ONE_HEADER = ["node", "python", "licentric"]


@pytest.fixture(scope="module")
def sent(api):
    with Receiver() as inbox, receiver.webhook(api, inbox.url, events=["license.created"]) as hook:
        api.license(api.catalogue())
        delivery = inbox.wait_for(1)[0]
        return Sent(delivery.headers, delivery.body, hook["secret"])


@pytest.mark.parametrize("name", VERIFIERS)
def test_it_is_accepted(name, sent):
    assert VERIFIERS[name](sent)


@pytest.mark.parametrize("part", [0, 0.5, 1])
@pytest.mark.parametrize("name", VERIFIERS)
def test_a_changed_byte_is_refused(name, part, sent):
    assert not VERIFIERS[name](sent.changed(part))


@pytest.mark.parametrize("name", VERIFIERS)
def test_another_secret_is_refused(name, sent, api):
    other = receiver.register(api, receiver.NOBODY, events=["webhook.disabled"])["secret"]
    assert not VERIFIERS[name](sent.with_secret(other))


@pytest.mark.parametrize("seconds", [-400, 400])
@pytest.mark.parametrize("name", WITH_TIME)
def test_another_time_is_refused(name, seconds, sent):
    assert not VERIFIERS[name](sent.at(seconds))


@pytest.mark.parametrize("name", WITH_TIME)
def test_what_is_signed_but_of_another_time_is_refused(name, sent):
    assert VERIFIERS[name](sent.signed_at(0))
    assert not VERIFIERS[name](sent.signed_at(-400))
    assert not VERIFIERS[name](sent.signed_at(400))


@pytest.mark.parametrize("name", ["licentric", "standardwebhooks"])
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


@pytest.mark.parametrize("language", ["node", "python"])
def test_what_is_no_signature_is_refused_and_harms_nobody(language, sent):
    """By the functions of the page: what a stranger may send."""
    verify = VERIFIERS[f"page-{language}"]
    for headers in (
        {},
        {"x-licentric-signature": sent.headers["x-licentric-signature"]},
        sent.headers | {"x-licentric-signature": ""},
        sent.headers | {"x-licentric-signature": "nothing"},
        sent.headers | {"x-licentric-signature": "\u00e9" * 64},
        sent.headers | {"x-licentric-timestamp": "soon"},
        sent.headers | {"x-licentric-timestamp": ""},
        sent.headers | {"x-licentric-timestamp": "1" * 400},
        sent.headers | {"x-licentric-timestamp": "1" * 5000},
    ):
        assert not verify(Sent(headers, sent.body, sent.secret)), headers


# A rotation.


@pytest.fixture(scope="module")
def rotating(api):
    """A delivery of an overlap, with the old secret and with the new one."""
    with Receiver() as inbox, receiver.webhook(api, inbox.url, events=["license.created"]) as hook:
        rotated = rest.expect_data(api.post(f"/webhooks/{hook['id']}/rotate-secret", {"overlapSeconds": 3600}))
        api.license(api.catalogue())
        delivery = inbox.wait_for(1)[0]
        assert receiver.is_signed(delivery, hook["secret"])
        assert receiver.is_signed(delivery, rotated["secret"], "-next")
        sent = Sent(delivery.headers, delivery.body, hook["secret"])
        return sent, sent.with_secret(rotated["secret"])


@pytest.mark.parametrize("name", VERIFIERS)
def test_during_an_overlap_the_old_secret_goes_on_as_before(name, rotating):
    old, _ = rotating
    assert VERIFIERS[name](old)
    assert not VERIFIERS[name](old.changed())


@pytest.mark.parametrize("name", VERIFIERS)
def test_during_an_overlap_the_new_secret_serves_already(name, rotating):
    _, new = rotating
    assert VERIFIERS[name](new.as_next() if name in OF_ONE_HEADER else new)
    assert not VERIFIERS[name](new.changed().as_next())


# The switch to the older scheme.


def test_the_sdk_accepts_the_legacy_scheme_where_it_is_told_to(api):
    fields = {"events": ["license.created"], "signatureScheme": "legacy"}
    with Receiver() as inbox, receiver.webhook(api, inbox.url, **fields) as hook:
        api.license(api.catalogue())
        delivery = inbox.wait_for(1)[0]
    signature, timestamp = (delivery.headers.get(f"x-licentric-{name}") for name in ("signature", "timestamp"))
    assert timestamp is None
    event = licentric.verify_webhook(delivery.body, signature, timestamp, hook["secret"], allow_legacy=True)
    assert event.id == delivery.id and event.type == "license.created"
    with pytest.raises(Exception, match="[Tt]imestamp"):
        licentric.verify_webhook(delivery.body, signature, timestamp, hook["secret"])
    with pytest.raises(Exception, match="mismatch"):
        licentric.verify_webhook(delivery.body + b" ", signature, timestamp, hook["secret"], allow_legacy=True)
    # The other schemes are as they were.
    sent = Sent(delivery.headers, delivery.body, hook["secret"])
    assert by_node(sent) and by_python(sent) and by_standard_webhooks(sent)
