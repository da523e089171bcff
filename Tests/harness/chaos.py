"""Two replicas of every service, clients that never rest, and what may be done to the replicas meanwhile."""

import asyncio
import collections
import itertools
import threading
import time

import httpx

from . import deployment as deployments
from . import given, processes, rest, topology

# In this order each one finds those that it calls.
ORDER = ("signing", "keys", "licenses", "webhooks", "gateway")

# A service drains for 15 s at most.
STOP_SECONDS = 20

# All that a client may see of replicas that stop in order: no connection, or one that ends before an answer has begun.
ORDERLY = {"ConnectError", "RemoteProtocolError"}
CUT_ANSWER = "an answer that was cut"

# As SDKs have it: what is tried again, how often, and how long it is waited for before.
RETRIED = {502, 503, 504}
TRIES_MAX = 100
PAUSE_SECONDS = 0.05


class Replicas:
    """Two of each service beside those of `latchkey up`, which only lends its database and its secrets."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.by_service = {}
        try:
            for service in ORDER:
                self.by_service[service] = [self._start(service) for _ in range(2)]
        except BaseException:
            self.stop()
            raise

    def _start(self, service):
        addresses = {
            f"LATCHKEY_{other.upper()}_ADDRESS": ",".join(one.address for one in replicas)
            for other, replicas in self.by_service.items()
        }
        known = topology.settings_of(self.deployment, service)
        return topology.Replica(
            self.deployment,
            service,
            **{name: text for name, text in addresses.items() if name in known},
        )

    def __iter__(self):
        """Every replica: of each service one and the other, service by service."""
        return itertools.chain.from_iterable(self.by_service.values())

    @property
    def urls(self):
        return [gateway.url for gateway in self.by_service["gateway"]]

    def restart(self, replica):
        """SIGTERM, its end, and its start: as an upgrade does it. Gives the seconds that it drained."""
        begun = time.monotonic()
        replica.server.stop(STOP_SECONDS)
        seconds = time.monotonic() - begun
        assert replica.server.process.returncode == 0, replica.server.text()[-3000:]
        replica.start()
        replica.wait_until_ready()
        return seconds

    def kill(self, replica):
        """kill -9, and its start by whoever supervises it."""
        replica.kill()
        replica.start()
        replica.wait_until_ready()

    def stop(self):
        for replicas in reversed(self.by_service.values()):
            for replica in replicas:
                replica.stop()


class Load:
    """Clients that ask without a pause until the block ends, each by connections of its own that it makes anew when they
    end, and now and then before.

    What is asked, in turn: whether a license may be used, a machine's activation and its release, and something of every
    service. An answer that came is judged. A request whose connection was closed before an answer is made again, by the
    other gateway, as HTTP lets a client do with what is idempotent (RFC 9110, section 9.2.2), and all of these are.
    """

    def __init__(self, replicas, clients):
        self.replicas = replicas
        self.deployment = replicas.deployment
        self.answers = collections.Counter()
        # Requests that had to be made again, by why.
        self.repeated = collections.Counter()
        self.wrong = []
        with rest.Api(self.deployment, self.deployment["LATCHKEY_TEST_API_KEY"], url=replicas.urls[0]) as api:
            self.key = api.key
            self.licenses = [given.license({"maxMachines": 5})(api) for _ in range(clients)]
        self._clients = clients
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self):
        self._thread.start()
        self.advance()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()

    def advance(self, rounds=2):
        """Waits until every client has had so many more answers, in the mean."""
        target = self.total + rounds * self._clients
        processes.poll(lambda: self.total >= target or self.wrong, 60, "clients are answered")

    @property
    def total(self):
        return sum(self.answers.values())

    async def _run(self):
        trust = self.deployment.trust()
        tasks = [self._client(number, trust) for number in range(self._clients)]
        await asyncio.gather(*tasks)

    async def _client(self, number, trust):
        """Every other one speaks HTTP/2."""
        turns = itertools.count(number)
        while not self._ending.is_set() and not self.wrong:
            async with httpx.AsyncClient(verify=trust, http2=number % 2 == 0, timeout=30) as client:
                for _ in range(50):
                    if self._ending.is_set() or self.wrong:
                        return
                    try:
                        await self._round(client, number, turns)
                    except Exception as error:
                        self.wrong.append(f"client {number}: {error!r}")
                        raise

    async def _round(self, client, number, turns):
        license = self.licenses[number]
        with_license = {"authorization": f"License {license['key']}"}
        with_key = {"authorization": f"Bearer {self.key}"}
        body = {"key": license["key"]}
        machine = {"fingerprint": given.fingerprint()}
        verdict = await self._ask(client, turns, "POST", "/licenses/validate-key", {200}, json=body)
        assert verdict["data"]["valid"], verdict
        made = await self._ask(
            client, turns, "POST", "/machines", {200, 201}, json=machine, headers=with_license
        )
        listed = await self._ask(client, turns, "GET", "/products?limit=1", {200}, headers=with_key)
        assert len(listed["data"]) == 1, listed
        await self._ask(client, turns, "GET", "/signing-keys", {200}, headers=with_key)
        await self._ask(client, turns, "GET", "/webhooks", {200}, headers=with_key)
        # Where the answer to the first try was lost, the second finds nothing any more.
        path = f"/machines/{made['data']['id']}"
        await self._ask(client, turns, "DELETE", path, {200, 204, 404}, headers=with_key)

    async def _ask(self, client, turns, method, path, expected, **request):
        for _ in range(TRIES_MAX):
            url = self.replicas.urls[next(turns) % len(self.replicas.urls)]
            try:
                answer = await client.request(method, f"{url}/api/v1{path}", **request)
            except httpx.TransportError as error:
                # Before an answer or in the middle of one, which no client can take for an answer.
                is_cut = "complete message body" in str(error)
                self.repeated[CUT_ANSWER if is_cut else type(error).__name__] += 1
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if answer.status_code in RETRIED:
                rest.expect_error(answer, 503)
                self.repeated[answer.status_code] += 1
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            assert answer.status_code in expected, f"{method} {path}: {answer.status_code} {answer.text}"
            self.answers[method, path.split("/")[1].split("?")[0]] += 1
            return answer.json() if answer.content else None
        raise AssertionError(f"no answer to {method} {path} in {TRIES_MAX} tries")


def expect_nothing_lost(sql):
    """After all of it no seat is taken that no machine has, and every event is told of once. `sql` gives a statement's
    rows."""
    wrong = sql(
        """select l.id, l.machine_count, count(m.id) from licenses.licenses l
           left join licenses.machines m on m.account_id = l.account_id and m.environment = l.environment
             and m.license_id = l.id and m.deleted_at is null
           group by l.account_id, l.environment, l.id having l.machine_count <> count(m.id)"""
    )
    assert wrong == []
    processes.poll(lambda: sql("select count(*) from events.outbox") == [["0"]], 30, "events are dispatched")
    twice = sql(
        """select license_id, sequence from webhooks.events where license_id is not null and sequence is not null
           group by license_id, sequence having count(*) > 1"""
    )
    assert twice == []
