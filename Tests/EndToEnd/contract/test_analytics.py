"""Analytics: the numbers move by exactly what happens."""

import datetime

import pytest

from harness import given, processes, rest, shapes
from harness.contract import Row

ROWS = [
    Row("GET /analytics", 200, given.machine(), shape=shapes.ANALYTICS),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_analytics(row, api):
    row.check(api)


def numbers(api):
    return rest.expect_data(api.get("/analytics"))


def test_the_trend_covers_seven_days_until_today(api):
    days = [one["date"] for one in numbers(api)["activations"]["trend"]]
    today = datetime.datetime.now(datetime.UTC).date()
    expected = [str(today - datetime.timedelta(days=ago)) for ago in range(6, -1, -1)]
    assert days == expected


def test_the_numbers_move_by_what_happens(api):
    """In the test's own words, since other tests have left their licenses."""
    before = numbers(api)
    names = given.license({"maxMachines": 2}, machines=2)(api)
    for action in ("suspend", "revoke", "ban"):
        given.license(do=[action])(api)
    api.send("DELETE", f"/machines/{names['machineId']}")
    given.deleted(given.license(), "/licenses")(api)
    after = numbers(api)
    moved = {
        f"{group}.{name}": after[group][name] - before[group][name]
        for group in ("licenses", "machines")
        for name in before[group]
        if after[group][name] != before[group][name]
    }
    expected = {
        "licenses.total": 4, "licenses.active": 1, "licenses.suspended": 1, "licenses.revoked": 1,
        "licenses.banned": 1, "machines.total": 1, "machines.active": 1,
    }  # fmt: skip
    assert moved == expected
    # Activations are counted on the day they were made, whatever became of the machine.
    today = [one["activations"]["trend"][-1]["count"] for one in (before, after)]
    assert today[1] - today[0] == 2


def test_validations_are_counted_by_outcome(api):
    names = given.license()(api)
    before = numbers(api)["validations"]
    for _ in range(3):
        api.validate(names["key"])
    rest.expect_data(api.post(f"/licenses/{names['id']}/suspend"))
    api.validate(names["key"])

    def counted():
        after = numbers(api)["validations"]
        return {name: after[name] - before[name] for name in before} == {
            "total": 4, "successful": 3, "failed": 1,
        }  # fmt: skip

    processes.poll(counted, 5, "the validations are counted")
