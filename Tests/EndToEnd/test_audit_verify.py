"""`latchkey audit verify`: what was done stays in the log, and whoever changes the log is found out."""

import re
import subprocess

import pytest

from harness import deployment as deployments
from harness import given, processes, rest

# A change is sealed within a second of it.
SEALED_SECONDS = 10


@pytest.fixture(scope="module")
def audited(logs):
    """A deployment of its own, whose log is tampered with."""
    one = deployments.Deployment(logs / "audited.log")
    one.start()
    try:
        with rest.Api(one, one["LATCHKEY_TEST_API_KEY"]) as api:
            for _ in range(3):
                given.license(machines=1, do=["suspend", "reinstate"])(api)
        with rest.Api(one, one["LATCHKEY_LIVE_API_KEY"]) as api:
            given.license()(api)
        processes.poll(
            lambda: one.sql("select count(*) from changes.audit_unsealed") == [["0"]],
            SEALED_SECONDS,
            "every entry is sealed",
        )
        yield one
    finally:
        left = one.stop()
    assert not left, f"still running: {left}"


def verify(deployment, *more):
    """Runs the command; gives the exit status and what it printed."""
    done = subprocess.run(
        [processes.binary("latchkey"), "audit", "verify", "--data-dir", deployment.data_directory, *more],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_an_untouched_log_is_whole(audited):
    status, text = verify(audited)
    assert status == 0, text
    [line] = text.splitlines()
    [[account, position, seal]] = audited.sql(
        """select account_id, position, encode(hash, 'hex') from changes.audit_seals
           order by position desc limit 1"""
    )
    assert line.startswith(f"{account} {position} {seal} ok"), line
    [[entries]] = audited.sql("select count(*) from changes.audit_entries")
    assert position == entries


# Each changes the log behind a position, and undoes it afterwards: by the administrator of the database, who may do
# all of this. What is said of it names the position.
TAMPERING = {
    "a line is gone": "delete from changes.audit_entries where id = (:entry)",
    "a line says something else": "update changes.audit_entries set entry = entry || '\\x00' where id = (:entry)",
    "a line belongs to another environment": """update changes.audit_entries
        set environment = 'live' where id = (:entry)""",
    "a column says something else": "update changes.audit_entries set action = 'license.ban' where id = (:entry)",
    "a seal is gone": "delete from changes.audit_seals where position = :position",
    "a line and its seal are gone": """delete from changes.audit_entries where id = (:entry);
        delete from changes.audit_seals where position = :position""",
    "a seal is another": "update changes.audit_seals set hash = sha256(hash) where position = :position",
    "two lines are swapped": """
        create temporary table pair as select * from changes.audit_entries
          where id in (select entry_id from changes.audit_seals where position in (:position, :position + 1));
        update changes.audit_entries e set entry = p.entry, action = p.action, resource_id = p.resource_id
          from pair p where e.id in (select id from pair) and p.id <> e.id""",
}
POSITION = 5
ENTRY = f"select entry_id from changes.audit_seals where position = {POSITION}"
TABLES = ("audit_entries", "audit_seals")


@pytest.fixture
def restored(audited):
    """The log is afterwards as it was."""
    copies = "".join(f"create table changes.{name}_copy as table changes.{name};" for name in TABLES)
    audited.sql(copies)
    yield
    audited.sql("".join(
        f"delete from changes.{name}; insert into changes.{name} table changes.{name}_copy;"
        f"drop table changes.{name}_copy;" for name in TABLES
    ))  # fmt: skip
    assert verify(audited)[0] == 0


@pytest.mark.parametrize("deed", TAMPERING)
def test_tampering_is_found(deed, audited, restored):
    statement = TAMPERING[deed].replace(":entry", ENTRY).replace(":position", str(POSITION))
    audited.sql(f"begin; {statement}; commit")
    status, text = verify(audited)
    assert status == 1, text
    assert "NOT OK" in text
    # A seal that is gone shows at its place or at the next one.
    positions = {int(number) for number in re.findall(r"\b\d+\b", "\n".join(text.splitlines()[1:]))}
    assert positions & {POSITION, POSITION + 1}, text


def test_an_end_that_was_cut_off_is_found_by_an_earlier_head(audited, restored, tmp_path):
    """The last entries and their seals gone leave a shorter log that is whole; what was printed before tells."""
    heads = tmp_path / "heads"
    heads.write_text(verify(audited)[1])
    audited.sql("""begin;
        delete from changes.audit_entries where id in
          (select entry_id from changes.audit_seals order by position desc limit 2);
        delete from changes.audit_seals where position in
          (select position from changes.audit_seals order by position desc limit 2);
        commit""")
    assert verify(audited)[0] == 0
    status, text = verify(audited, "--heads", heads)
    assert status == 1, text


def test_what_cannot_be_read_is_told(tmp_path):
    status, text = subprocess.run(
        [processes.binary("latchkey"), "audit", "verify", "--data-dir", tmp_path],
        capture_output=True, text=True, timeout=60,
    ).returncode, ""  # fmt: skip
    assert status == 2
