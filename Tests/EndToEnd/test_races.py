"""Seats that cannot be oversold: hundreds of requests at once, through two gateways and two licenses processes, with
and without a kill -9 in the middle; and the outbox that tells exactly what was committed."""

import asyncio
import collections
import uuid

import httpx
import pytest

from harness import deployment as deployments
from harness import given, processes, rest, topology

CONTENDERS = 200
LIMIT = 5
REPETITIONS = 50

# As the SDK has them: what is tried again, and how often; its pauses are longer.
RETRIED = {429, 500, 502, 503, 504}
TRIES_MAX = 100
PAUSE_SECONDS = 0.1

# A process that is killed often is started again ever later, up to five seconds.
RESTART_SECONDS = 20

# How many answers have come when a process is killed: a race is then well under way.
KILLED_AFTER = 20


@pytest.fixture(scope="module")
def arena(logs):
    """A deployment of its own with a second gateway and a second licenses process; gives it and both URLs."""
    one = deployments.Deployment(logs / "arena.log")
    one.start()
    try:
        with topology.pair(one) as (gateway, licenses):
            yield Arena(one, [one.url, gateway.url], licenses)
    finally:
        left = one.stop()
    assert not left, f"still running: {left}"


class Arena:
    """Two of each process that requests go through, and races between them."""

    def __init__(self, deployment, urls, licenses):
        self.deployment, self.urls, self.licenses = deployment, urls, licenses
        # The answers so far, and the requests that had to be made again.
        self.answered, self.repeated = 0, 0

    def kill_first(self):
        """kill -9 of the process under `latchkey up`, which starts it again."""
        processes.kill(self.deployment.pid("licenses"))

    def kill_second(self):
        """kill -9 of the other one, and its start, as a supervisor would do it."""
        self.licenses.kill()
        self.licenses.start()

    def race(self, requests, disturb=None):
        """Sends all requests at once, half of them through each gateway; gives their answers in order.

        `requests` are (path, body, headers). `disturb` is called when some answers have come.
        """
        answers = asyncio.run(self._race(requests, disturb))
        # What tests ask for afterwards goes through the first pair.
        with rest.Api(self.deployment, None) as client:
            body = {"key": "LIC-0000-0000-0000-0000"}
            processes.poll(
                lambda: client.post("/licenses/validate-key", body).status_code == 200,
                RESTART_SECONDS,
                "the killed process is back",
            )
        return answers

    async def _race(self, requests, disturb):
        self.answered, self.repeated = 0, 0
        trust = self.deployment.trust()
        async with httpx.AsyncClient(verify=trust, http2=True, timeout=30) as client:
            tasks = [
                asyncio.create_task(self._ask(client, self.urls[number % 2], *request))
                for number, request in enumerate(requests)
            ]
            if disturb is not None:
                while self.answered < KILLED_AFTER:
                    await asyncio.wait(tasks, timeout=0.005, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.to_thread(disturb)
            return await asyncio.gather(*tasks)

    async def _ask(self, client, url, path, body, headers):
        for _ in range(TRIES_MAX):
            try:
                response = await client.post(f"{url}/api/v1{path}", json=body, headers=headers)
                if response.status_code not in RETRIED:
                    self.answered += 1
                    return response
            except httpx.TransportError:
                pass
            self.repeated += 1
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"no answer to {path} in {TRIES_MAX} tries")

    # What became of it, as the database has it.

    def events(self, license):
        """The types of a license's events in the order of their sequence, which has no gap."""
        # Those that wait to be dispatched, and those that were.
        rows = self.deployment.sql(
            """select sequence, type from events.outbox where license_id = :'license'
               union all select sequence, type from webhooks.events where license_id = :'license'
               order by sequence""",
            license=license,
        )
        assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1)), rows
        [[last]] = self.deployment.sql(
            "select event_sequence from licenses.licenses where id = :'license'", license=license
        )
        assert int(last) == len(rows)
        return [row[1] for row in rows]

    def audited(self, license):
        """The actions of the audit log on a license's machines, and how often each."""
        rows = self.deployment.sql(
            """select action, count(*) from changes.audit_entries where resource_id in
               (select id from licenses.machines where license_id = :'license') group by action""",
            license=license,
        )
        return {action: int(count) for action, count in rows}


@pytest.fixture(scope="module")
def api(arena):
    with rest.Api(arena.deployment, arena.deployment["LATCHKEY_TEST_API_KEY"]) as client:
        yield client


DISTURBANCES = {
    "undisturbed": lambda arena: None,
    "first killed": lambda arena: arena.kill_first,
    "second killed": lambda arena: arena.kill_second,
}


@pytest.fixture(params=DISTURBANCES)
def disturb(request, arena):
    return DISTURBANCES[request.param](arena)


def contend(arena, names, path, disturb):
    """So many machines, all different, that want the same seats; gives the answers."""
    headers = {"authorization": f"License {names['key']}"}
    requests = [(path, {"fingerprint": given.fingerprint()}, headers) for _ in range(CONTENDERS)]
    return arena.race(requests, disturb)


def expect_seats(arena, api, names, winners, losers, disturb):
    """Exactly LIMIT machines, those that the winners were told of, each with one event and one line in the audit
    log; and one event for each refusal."""
    shown = rest.expect_data(api.get(f"/licenses/{names['id']}"))
    assert shown["machineCount"] == LIMIT
    assert {machine["id"] for machine in shown["machines"]} == winners
    assert len(winners) == LIMIT and losers == CONTENDERS - LIMIT
    events = collections.Counter(arena.events(names["id"]))
    assert events.pop("license.created") == 1
    assert events.pop("machine.activated") == LIMIT
    # A refusal whose answer was lost with the process was committed, and repeated.
    refusals = events.pop("license.limit_reached")
    assert losers <= refusals <= losers + (arena.repeated if disturb else 0)
    assert set(events) <= {"license.activated"} and events["license.activated"] <= 1, events
    assert arena.audited(names["id"]) == {"machine.activate": LIMIT}


@pytest.mark.parametrize("policy, code", [
    ({"maxMachines": LIMIT}, "MACHINE_LIMIT_EXCEEDED"),
    ({"maxMachines": LIMIT, "floating": True}, "FLOATING_LIMIT_EXCEEDED"),
    ({"maxMachines": None, "allowUnlimitedActivations": True, "maxUniqueFingerprints": LIMIT},
     "BUSINESS_RULE_VIOLATION"),
], ids=["machines", "floating seats", "unique fingerprints"])  # fmt: skip
def test_activations(policy, code, arena, api, disturb):
    names = given.license(policy)(api)
    answers = contend(arena, names, "/machines", disturb)
    winners = [rest.expect_data(one, one.status_code)["id"] for one in answers if one.is_success]
    assert len(winners) == len(set(winners)), "each fingerprint is a machine of its own"
    losers = [rest.expect_error(one, 422) for one in answers if not one.is_success]
    assert {(one["code"], one["details"]["max"], one["details"]["current"]) for one in losers} == {
        (code, LIMIT, LIMIT)
    }
    expect_seats(arena, api, names, set(winners), len(losers), disturb)


def test_acquired_seats(arena, api, disturb):
    names = given.license({"maxMachines": LIMIT, "floating": True})(api)
    answers = [rest.expect_data(one) for one in contend(arena, names, "/licenses/acquire", disturb)]
    winners = {one["machine"]["id"] for one in answers if one["valid"]}
    losers = [one for one in answers if not one["valid"]]
    assert {(one["code"], one["machine"]) for one in losers} == {("MACHINE_LIMIT_EXCEEDED", None)}
    expect_seats(arena, api, names, winners, len(losers), disturb)


def test_uses(arena, api, disturb):
    """Exactly so many validations say VALID. Who never got an answer may have taken a use with it: a validation that
    is asked again is another one."""
    names = given.license({"maxUses": LIMIT})(api)
    requests = [("/licenses/validate-key", {"key": names["key"]}, {})] * CONTENDERS
    verdicts = [rest.expect_data(one) for one in arena.race(requests, disturb)]
    codes = collections.Counter(verdict["code"] for verdict in verdicts)
    assert set(codes) <= {"VALID", "USES_EXCEEDED"}
    lost = arena.repeated if disturb else 0
    assert LIMIT - lost <= codes["VALID"] <= LIMIT
    counts = sorted(one["license"]["usesCount"] for one in verdicts if one["valid"])
    assert len(counts) == len(set(counts)) and set(counts) <= set(range(1, LIMIT + 1)), counts
    assert rest.expect_data(api.get(f"/licenses/{names['id']}"))["usesCount"] == LIMIT
    assert arena.events(names["id"]) == ["license.created", "license.activated"]


def test_one_fingerprint_is_one_machine(arena, api, disturb):
    """The same machine, asked for by everybody at once."""
    names = given.license({"maxMachines": LIMIT})(api)
    headers = {"authorization": f"License {names['key']}"}
    answers = arena.race([("/machines", {"fingerprint": "f" * 64}, headers)] * CONTENDERS, disturb)
    assert len({rest.expect_data(one, one.status_code)["id"] for one in answers}) == 1
    made = [one.status_code for one in answers].count(201)
    assert made == 1 if not disturb else made <= 1
    assert arena.events(names["id"]) == ["license.created", "machine.activated"]


def test_one_idempotency_key_is_one_license(arena, api, disturb):
    names = given.policy()(api)
    body = {"productId": names["productId"], "policyId": names["policyId"], "name": "Once"}
    headers = {"authorization": f"Bearer {api.key}", "idempotency-key": str(uuid.uuid4())}
    answers = arena.race([("/licenses", body, headers)] * REPETITIONS, disturb)
    issued = [rest.expect_data(one, 201) for one in answers]
    assert all(one == issued[0] for one in issued) and rest.LICENSE_KEY.fullmatch(issued[0]["key"])
    listed = api.get("/licenses", params={"productId": names["productId"]}).json()["data"]
    assert [one["id"] for one in listed] == [issued[0]["id"]]
    assert arena.events(issued[0]["id"]) == ["license.created"]
    assert api.validate(issued[0]["key"])["code"] == "VALID"


def test_uniqueness_across_licenses(arena, api, disturb):
    """One fingerprint, wanted on many licenses of an account that admits it on one."""
    catalogue = api.catalogue(fingerprintUniqueness="PER_ACCOUNT")
    keys = [api.license(catalogue)["key"] for _ in range(REPETITIONS)]
    body = {"fingerprint": given.fingerprint()}
    requests = [("/machines", body, {"authorization": f"License {key}"}) for key in keys]
    answers = arena.race(requests, disturb)
    winners = [one for one in answers if one.is_success]
    assert len(winners) == 1
    assert {rest.expect_error(one, 409)["code"] for one in answers if not one.is_success} == {"CONFLICT"}
    listed = api.get("/machines", params=body).json()["data"]
    assert [one["id"] for one in listed] == [winners[0].json()["data"]["id"]]


def test_transitions_of_one_license(arena, api):
    """Suspended by many at once, it is suspended once; the others are told of the conflict."""
    names = given.license()(api)
    headers = {"authorization": f"Bearer {api.key}"}
    path = f"/licenses/{names['id']}/suspend"
    answers = arena.race([(path, {"reason": "race"}, headers)] * REPETITIONS)
    assert sorted({one.status_code for one in answers}) == [200, 409]
    assert [one.status_code for one in answers].count(200) == 1
    assert arena.events(names["id"]) == ["license.created", "license.suspended"]
