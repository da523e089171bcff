"""Deliveries of webhooks: how many a second reach a fast receiver, how soon, and what a long queue takes."""

import asyncio
import collections
import datetime
import multiprocessing
import os
import pathlib
import re
import signal
import statistics
import tempfile
import time

import uvloop
from harness import deployment as deployments
from harness import processes, receiver, rest

from . import load

# What else the machine does is seen in a single one.
ROUNDS = 3
RATE_TARGET = 5_000
MEDIAN_TARGET_MS = 20
PENDING = 1_000_000
# A queue that is a hundred times as long may take so much more memory.
GROWTH_TARGET = 1.2

BULK = 1_000
SINGLE_CHANGES = 2_000
PAUSE_SECONDS = 0.005

# So many deliveries are remembered, whatever comes.
NEWEST_KEPT = 10_000

CONTENT_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)\r\n")
CREATED_AT = re.compile(rb'"createdAt":"([^"]+)"')


class Inbox(asyncio.Protocol):
    """The least that HTTP/1.1 asks of a receiver: it reads a request by its length and answers 204."""

    answer = b"HTTP/1.1 204 No Content\r\n\r\n"

    def __init__(self, note):
        self.note = note
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = int(CONTENT_LENGTH.search(self.buffer, 0, end + 2)[1])
            if len(self.buffer) < end + 4 + length:
                return
            self.note(self.buffer[end + 4 : end + 4 + length])
            self.buffer = self.buffer[end + 4 + length :]
            self.transport.write(self.answer)


class Tally:
    """How many deliveries came, when the first and the last did, and what the newest were."""

    def __init__(self):
        self.count = 0
        self.first = self.last = None
        self.newest = collections.deque(maxlen=NEWEST_KEPT)

    def note(self, body):
        self.last = time.time()
        self.first = self.first or self.last
        self.count += 1
        self.newest.append((self.last, body))

    def delays(self):
        """How long after their changes the newest came, in milliseconds."""
        for received, body in self.newest:
            made = datetime.datetime.fromisoformat(CREATED_AT.search(body)[1].decode())
            yield (received - made.timestamp()) * 1000


def receive(port, pipe):
    """A process of its own: tells, when asked, how many deliveries came, and begins to count anew."""

    async def run():
        tally = Tally()
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: Inbox(lambda body: tally.note(body)), "127.0.0.1", port)
        while True:
            question = await loop.run_in_executor(None, pipe.recv)
            pipe.send(tally.count if question == "count" else tally)
            if question == "take":
                tally = Tally()

    # Three times as fast as Python's own loop, whose work the rate would otherwise be of.
    uvloop.run(run())


class FastReceiver:
    def __init__(self):
        self.port = processes.free_port()
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=receive, args=(self.port, other), daemon=True)
        self.process.start()
        processes.poll(lambda: processes.accepts(self.port), 10, "the receiver listens")
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def ask(self, question):
        self.pipe.send(question)
        return self.pipe.recv()

    def wait_for(self, count, seconds=300):
        processes.poll(lambda: self.ask("count") >= count, seconds, f"{count} deliveries", interval=0.1)
        return self.ask("take")

    def close(self):
        self.process.kill()
        self.process.join()


def measure(events):
    """The ratios to the targets, by name, with their targets."""
    with tempfile.TemporaryDirectory() as folder:
        deployment = deployments.Deployment(pathlib.Path(folder) / "up.log")
        deployment.start()
        inbox = FastReceiver()
        try:
            with rest.Api(deployment, deployment["LATCHKEY_TEST_API_KEY"]) as api:
                receiver.register(api, inbox.url, events=["license.created", "license.updated"])
                rounds = [throughput(deployment, api, inbox, events) for _ in range(ROUNDS)]
                rate = statistics.median(rounds)
                median = latency(api, inbox)
                growth = queue(deployment, api, inbox)
        finally:
            inbox.close()
            deployment.stop()
    return {
        "webhook deliveries a second / target": (rate / RATE_TARGET, 1.0),
        "webhook median / target": (median / MEDIAN_TARGET_MS, 1.0),
        f"webhooks' memory with {PENDING:,} pending / 10,000": (growth, GROWTH_TARGET),
    }


def throughput(deployment, api, inbox, events):
    """Events that wait for the service, which is stopped meanwhile: how fast they arrive once it goes on."""
    catalogue = api.catalogue()
    one = {"productId": catalogue.product["id"], "policyId": catalogue.policy["id"]}
    pid = deployment.pid("webhooks")
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(events // BULK):
            rest.expect_data(api.post("/licenses/bulk", {"licenses": [one] * BULK}, timeout=60), 201)
        # What making them leaves to do is no part of what is measured.
        unsealed = "select count(*) from changes.audit_unsealed"
        processes.poll(lambda: deployment.sql(unsealed) == [["0"]], 120, "audit lines are sealed")
        # The server does so by itself within a minute.
        deployment.sql("vacuum analyze")
    finally:
        os.kill(pid, signal.SIGCONT)
    with load.Watch({"webhooks": pid, "postgres": deployment.postgres_pid()}) as watch:
        tally = inbox.wait_for(events // BULK * BULK)
    rate = (tally.count - 1) / (tally.last - tally.first)
    cpu = ", ".join(f"{name} {value:.0f}" for name, value in watch.microseconds(tally.count).items())
    print(f"webhooks: {tally.count} deliveries, {rate:,.0f} a second   CPU us each: {cpu}")
    return rate


def latency(api, inbox):
    """Single changes one after the other: how long after each its event arrives."""
    license = api.license(api.catalogue())
    inbox.wait_for(1)
    for number in range(SINGLE_CHANGES):
        api.send("PATCH", f"/licenses/{license['id']}", json={"name": f"Number {number}"})
        time.sleep(PAUSE_SECONDS)
    delays = list(inbox.wait_for(SINGLE_CHANGES).delays())
    median, p99 = statistics.median(delays), statistics.quantiles(delays, n=100)[98]
    print(f"webhooks: from change to receipt median {median:.1f} ms, p99 {p99:.1f} ms")
    return median


def queue(deployment, api, inbox):
    """The service's memory while a receiver that was not there takes a long queue, compared with a short one."""
    hook = receiver.register(api, receiver.NOBODY, events=["license.suspended"])
    license = api.license(api.catalogue())
    rest.expect_data(api.post(f"/licenses/{license['id']}/suspend"))
    processes.poll(lambda: api.get(f"/webhooks/{hook['id']}/deliveries").json()["data"], 20, "a delivery")
    figures = []
    for count in (10_000, PENDING):
        # Half of them due and half later, as a receiver that was down for days leaves them: more, in both cases, than are held.
        deployment.sql(
            """insert into webhooks.pending_deliveries
                 (account_id, environment, endpoint_id, id, event_id, event_type, license_id, due_at, created_at)
               -- Ids as the service makes them, of the time of the event: version 7, and what is not time at random.
               select account_id, environment, :'endpoint',
                 (left(id::text, 14) || '7' || right(gen_random_uuid()::text, 21))::uuid, id, type, license_id,
                 now() + (random() - 0.5) * interval '60 s', created_at
               from webhooks.events, generate_series(1, :count)
               where license_id = :'license' and type = 'license.suspended'""",
            endpoint=hook["id"], license=license["id"], count=count,
        )  # fmt: skip
        rest.expect_data(api.send("PATCH", f"/webhooks/{hook['id']}", json={"url": inbox.url}))
        inbox.wait_for(1)
        deadline = time.monotonic() + 30
        peak = 0
        while time.monotonic() < deadline:
            peak = max(peak, processes.proportional_bytes(deployment.pid("webhooks")))
            time.sleep(0.5)
        taken = inbox.ask("take").count
        rest.expect_data(api.send("PATCH", f"/webhooks/{hook['id']}", json={"url": receiver.NOBODY}))
        print(f"webhooks: {peak / 1e6:.0f} MB with {count:,} pending, of which {taken:,} were delivered meanwhile")
        figures.append(peak)
    return figures[1] / figures[0]
