"""kill -9 under load: clear errors meanwhile, recovery by itself, and never a wrong answer."""

import threading
import time

import httpx
import pytest

from harness import deployment as deployments
from harness import processes, rest

# A restart with backoff; Postgres alone takes up to two seconds to recover.
RECOVERY_SECONDS = 20

# Answers in a row that show it has recovered.
STEADY_COUNT = 50


@pytest.fixture(scope="module")
def fragile(logs):
    """A deployment of its own, to be broken."""
    one = deployments.Deployment(logs / "fragile.log")
    one.start()
    try:
        yield one
    finally:
        left = one.stop()
    assert not left, f"still running: {left}"


class Load:
    """Clients that validate without a pause, and judge every answer."""

    def __init__(self, deployment, expected):
        self.deployment, self.expected = deployment, expected
        self.answers, self.refusals, self.broken = 0, 0, 0
        self.steady = 0
        self.wrong = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(4)]

    def _run(self, seed):
        keys = list(self.expected)
        with rest.Api(self.deployment, self.deployment["LATCHKEY_TEST_API_KEY"]) as api:
            turn = seed
            while not self._ending.is_set():
                key = keys[turn % len(keys)]
                turn += 1
                try:
                    response = api.client.post("/api/v1/licenses/validate-key", json={"key": key})
                except httpx.HTTPError:
                    self._count("broken")
                    continue
                self._judge(key, response)

    def _judge(self, key, response):
        if response.status_code == 200:
            code = response.json()["data"]["code"]
            rest.expect_signature(response, self.deployment["LATCHKEY_SIGNING_KEY"])
            if code == self.expected[key]:
                return self._count("answers")
            self._wrong(f"{code} instead of {self.expected[key]}")
        elif response.status_code == 503:
            try:
                rest.expect_error(response, 503)
            except (AssertionError, KeyError, ValueError) as error:
                return self._wrong(f"503 without the envelope: {error}")
            self._count("refusals")
        else:
            self._wrong(f"{response.status_code}: {response.text}")

    def _wrong(self, what):
        with self._lock:
            self.wrong.append(what)

    def _count(self, kind):
        with self._lock:
            setattr(self, kind, getattr(self, kind) + 1)
            self.steady = self.steady + 1 if kind == "answers" else 0

    def recovered(self):
        """Whether the last answers were all good."""
        return self.steady >= STEADY_COUNT

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()


VICTIMS = {
    "keys": lambda d: d.pid("keys"),
    "licenses": lambda d: d.pid("licenses"),
    "webhooks": lambda d: d.pid("webhooks"),
    "postgres": lambda d: d.postgres_pid(),
    "gateway": lambda d: d.pid("gateway"),
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_kill_under_load(victim, fragile, record_property):
    with rest.Api(fragile, fragile["LATCHKEY_TEST_API_KEY"]) as api:
        catalogue = api.catalogue()
        expected = {api.license(catalogue)["key"]: "VALID" for _ in range(10)}
        expected["LIC-0000-0000-0000-0000"] = "NOT_FOUND"
        expired = api.license(catalogue, expiresAt=rest.moment(seconds=1))["key"]
        processes.poll(lambda: api.validate(expired)["code"] == "EXPIRED", 8, "EXPIRED")
        expected[expired] = "EXPIRED"
        with Load(fragile, expected) as load:
            processes.poll(load.recovered, 10, "the load runs")
            pid = VICTIMS[victim](fragile)
            killed_at = time.monotonic()
            processes.kill(pid)
            processes.poll(lambda: not processes.running(pid), 5, f"{victim} is dead")
            load.steady = 0
            # Managing works again as well, and what was acknowledged is still there.
            processes.poll(
                lambda: attempt(lambda: api.get("/products").status_code == 200),
                RECOVERY_SECONDS,
                f"the API works again after {victim}",
            )
            processes.poll(load.recovered, RECOVERY_SECONDS, f"recovery from {victim}")
            seconds = time.monotonic() - killed_at
        figures = (
            f"{victim}: recovered in {seconds:.1f} s; {load.answers} answers, "
            f"{load.refusals} times 503, {load.broken} broken connections"
        )
        print(figures)
        record_property("figures", figures)
        assert not load.wrong, load.wrong[:10]
        for key, code in expected.items():
            assert api.validate(key)["code"] == code
    assert VICTIMS[victim](fragile) != pid


def attempt(call):
    """The call's answer, or False where the connection broke."""
    try:
        return call()
    except httpx.HTTPError:
        return False


def test_postgres_gone_is_told_and_readable(fragile):
    """While it is away every endpoint that needs it answers 503 in the envelope, soon."""
    with rest.Api(fragile, fragile["LATCHKEY_TEST_API_KEY"]) as api:
        assert api.get("/products").status_code == 200
        processes.kill(fragile.postgres_pid())
        seen = set()

        def told():
            begun = time.monotonic()
            response = api.get("/products")
            assert time.monotonic() - begun < 10, "it must not hang"
            if response.status_code != 200:
                rest.expect_error(response, 503)
            seen.add(response.status_code)
            return response.status_code == 200

        processes.poll(told, RECOVERY_SECONDS, "Postgres is back")
        assert seen <= {200, 503}
