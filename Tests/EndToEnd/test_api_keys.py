"""The life of API keys, through two gateways: changes take effect at once, and a rotation harms nobody."""

import threading
import time

import pytest

from harness import processes, rest, topology

# A gateway uses a verdict for 500 ms; the promise is a second.
EFFECT_SECONDS = 1

# The database learns of uses every five seconds.
USE_SECONDS = 15


@pytest.fixture(scope="module")
def second(deployment):
    """Another gateway in front of the same services."""
    with topology.gateway(deployment) as gateway:
        yield gateway


def clients(deployment, second, key):
    """The key's client at each gateway."""
    return rest.Api(deployment, key), rest.Api(deployment, key, url=second.url)


def expect_refused_soon(client, since, sentence):
    """The key is refused `EFFECT_SECONDS` after `since`, by the monotonic clock, and from then on."""
    refused = processes.poll(
        lambda: (r := client.get("/products")).status_code != 200 and r,
        EFFECT_SECONDS + 1,
        "the key is refused",
    )
    seconds = time.monotonic() - since
    assert seconds < EFFECT_SECONDS, f"refused after {seconds:.3f} s"
    assert sentence in rest.expect_error(refused, 401)["error"]
    for _ in range(20):
        rest.expect_error(client.get("/products"), 401)


class Load:
    """Clients at both gateways that ask without a pause, all with the key that is set, which may be exchanged."""

    def __init__(self, deployment, second, key):
        self.key = key
        self.statuses = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(client,))
            for _ in range(2)
            for client in clients(deployment, second, key)
        ]

    def _run(self, client):
        with client:
            while not self._ending.is_set():
                client.key = key = self.key
                status = client.get("/products", params={"limit": 1}).status_code
                with self._lock:
                    counts = self.statuses.setdefault(key, {})
                    counts[status] = counts.get(status, 0) + 1

    def count(self, key):
        """How many good answers the key has got."""
        with self._lock:
            return self.statuses.get(key, {}).get(200, 0)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()


def test_revoked_through_one_gateway_it_is_refused_by_the_other(deployment, second, api):
    for _ in range(3):
        made = api.api_key()
        near, far = clients(deployment, second, made["key"])
        with near, far:
            # Both have just been told that it is good.
            assert near.get("/products").status_code == far.get("/products").status_code == 200
            assert api.send("DELETE", f"/api-keys/{made['id']}").status_code == 204
            since = time.monotonic()
            rest.expect_error(near.get("/products"), 401)
            expect_refused_soon(far, since, "revoked")


def test_a_client_that_switches_in_the_overlap_has_no_failed_request(deployment, second, api):
    old = api.api_key()
    with Load(deployment, second, old["key"]) as load:
        processes.poll(lambda: load.count(old["key"]) > 50, 10, "requests with the old key")
        new = rest.expect_data(api.post(f"/api-keys/{old['id']}/rotate", {"overlapSeconds": 60}), 201)
        before = load.count(old["key"])
        # The old key goes on until the client switches.
        processes.poll(lambda: load.count(old["key"]) > before + 50, 10, "requests in the overlap")
        load.key = new["key"]
        processes.poll(lambda: load.count(new["key"]) > 50, 10, "requests with the new key")
    assert set(load.statuses) == {old["key"], new["key"]}
    assert all(set(counts) == {200} for counts in load.statuses.values()), load.statuses.values()


def test_after_the_overlap_the_old_key_is_refused(deployment, second, api):
    old = api.api_key()
    near, far = clients(deployment, second, old["key"])
    with near, far:
        new = rest.expect_data(api.post(f"/api-keys/{old['id']}/rotate", {"overlapSeconds": 2}), 201)
        # Counted from the answer, which comes after the moment that the overlap counts from.
        end = time.monotonic() + 2
        while time.monotonic() < end - 0.5:
            assert near.get("/products").status_code == far.get("/products").status_code == 200
        expect_refused_soon(near, end, "expired")
        expect_refused_soon(far, end, "expired")
        near.key = far.key = new["key"]
        assert near.get("/products").status_code == far.get("/products").status_code == 200


def test_without_an_overlap_it_is_refused_at_once(deployment, second, api):
    old = api.api_key()
    near, far = clients(deployment, second, old["key"])
    with near, far:
        assert near.get("/products").status_code == far.get("/products").status_code == 200
        rest.expect_data(api.post(f"/api-keys/{old['id']}/rotate", {"overlapSeconds": 0}), 201)
        since = time.monotonic()
        rest.expect_error(near.get("/products"), 401)
        expect_refused_soon(far, since, "expired")


def test_a_key_is_bound_to_addresses_at_once(deployment, second, api):
    """Tests come from loopback, by IPv4 or IPv6."""
    made = api.api_key(allowedAddresses=["127.0.0.0/8", "::1/128"])
    near, far = clients(deployment, second, made["key"])
    with near, far:
        assert near.get("/products").status_code == far.get("/products").status_code == 200
        body = {"allowedAddresses": ["203.0.113.0/24"]}
        rest.expect_data(api.send("PATCH", f"/api-keys/{made['id']}", json=body))
        refused = rest.expect_error(near.get("/products"), 403)
        assert refused["code"] == "FORBIDDEN"
        assert "127.0.0.1" in refused["error"] or "::1" in refused["error"]
        processes.poll(
            lambda: far.get("/products").status_code == 403, EFFECT_SECONDS, "refused by the other gateway"
        )


def test_the_use_of_an_old_key_is_seen(deployment, api):
    """In the overlap, so that it is known whether somebody still has it."""
    made = api.api_key()
    rest.expect_data(api.post(f"/api-keys/{made['id']}/rotate", {}), 201)
    shown = lambda: rest.expect_data(api.get(f"/api-keys/{made['id']}"))  # noqa: E731
    assert shown()["lastUsedAt"] is None
    with rest.Api(deployment, made["key"]) as client:
        for _ in range(20):
            assert client.get("/products").status_code == 200
    used = processes.poll(lambda: shown()["lastUsedAt"], USE_SECONDS, "the use is seen")
    assert rest.TIMESTAMP.fullmatch(used) and used.endswith(":00.000Z")


def test_an_expiry_that_is_near_is_in_the_audit_log(api):
    """The keys service looks every ten seconds."""
    made = api.api_key(expiresAt=rest.moment(days=3))
    query = {"resourceId": made["id"], "action": "apiKey.expiring"}
    events = processes.poll(
        lambda: api.get("/audit-events", params=query).json()["data"], 30, "the warning", interval=0.2
    )
    assert [event["actor"]["kind"] for event in events] == ["service"]
