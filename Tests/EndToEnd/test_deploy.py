"""`latchkey deploy` and what goes with it, without containers."""

import contextlib
import json
import shutil
import subprocess

import pytest

from harness import accounts, postgres, processes, topology


def latchkey(*arguments):
    return subprocess.run(
        [processes.binary("latchkey"), *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip


# How the server's address is given: in a list of arguments, which every user of the machine can read.
COMMANDS = {
    "--server": lambda address, folder: ("deploy", "migrate", "--volumes", folder, "--server", address),
    "--database-url": lambda address, folder: ("audit", "verify", "--database-url", address),
}


@pytest.mark.parametrize("option", COMMANDS)
@pytest.mark.parametrize(
    "address",
    (
        "host=localhost password=hunter2",
        "host=db.example sslmode=verify-full sslpassword=hunter2",
        "host=db.example",
        "host=db.example sslmode=require",
        "host=hunter2 sslmode",
    ),
)
def test_an_address_that_is_not_safe_is_refused_and_not_repeated(tmp_path, option, address):
    done = latchkey(*COMMANDS[option](address, tmp_path))
    assert done.returncode != 0 and done.stdout == ""
    assert f"{option} is not a libpq connection string" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_password_in_the_administrators_name_is_refused(tmp_path):
    where = ("--volumes", tmp_path, "--server", "host=localhost")
    done = latchkey("deploy", "migrate", *where, "--administrator", "a password=hunter2")
    assert done.returncode == 1 and "hunter2" not in done.stderr, done.stderr
    assert "without a password" in done.stderr


VOLUMES = {
    "secrets": ("database", "postgres", "keys", "signing", "licenses", "webhooks", "operator"),
    "certificates": ("authorities", "postgres", "keys", "signing", "licenses", "webhooks", "gateway", "operator"),
}


@pytest.fixture
def volumes(tmp_path):
    """The volumes of a deployment after its first start, with the keys of an account."""
    for kind, holders in VOLUMES.items():
        for holder in holders:
            (tmp_path / kind / holder).mkdir(parents=True)
    done = latchkey("deploy", "setup", "--volumes", tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_what_containers_do_by_themselves_is_logged_as_services_log(volumes):
    done = latchkey("deploy", "setup", "--volumes", volumes)
    assert done.returncode == 0 and done.stdout == ""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(line["service"], line["level"]) for line in lines} == {("deploy", "info")}
    assert [line["message"] for line in lines] == ["secrets are there", "certificates are there"]
    # And so is what goes wrong.
    shutil.rmtree(volumes / "secrets" / "keys")
    done = latchkey("deploy", "setup", "--volumes", volumes)
    [line] = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1 and line["level"] == "critical" and "secrets/keys" in line["message"]


def everything(folder):
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_keys_that_are_forgotten_are_gone_and_not_made_anew(volumes):
    file = volumes / "secrets" / "operator" / "dev.env"
    names = ("LATCHKEY_TEST_API_KEY", "LATCHKEY_LIVE_API_KEY", "LATCHKEY_SIGNING_KEY")
    kept = "LATCHKEY_URL=https://licensing.example\nLATCHKEY_KEYS_RPC_ADDRESS=keys:8444\n"
    file.write_text(kept + "".join(f"{name}=hunter2\n" for name in names))
    done = latchkey("deploy", "account", "--forget", "--volumes", volumes)
    assert done.returncode == 0, done.stderr
    assert file.read_text() == kept and file.stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in everything(volumes)
    # No service runs that could be asked for others.
    for _ in range(2):
        done = latchkey("deploy", "account", "--volumes", volumes, "--url", "https://other.example")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "LATCHKEY_URL=https://other.example\n"
        assert "not kept here any more" in done.stderr
    assert "API_KEY=" not in file.read_text() and "LATCHKEY_KEYS_RPC_ADDRESS=keys:8444\n" in file.read_text()


def test_nothing_is_forgotten_before_there_is_an_account(volumes):
    done = latchkey("deploy", "account", "--forget", "--volumes", volumes)
    assert done.returncode == 1 and "There is no account yet" in done.stderr
    assert not (volumes / "secrets" / "operator" / "api-keys-forgotten").exists()


# A Postgres that somebody else manages, as DEPLOYING.md has it.

PASSWORD = "administrators-own-4711"


@pytest.fixture
def managed():
    """A server that has none of our roles."""
    with postgres.server() as server:
        yield server


def migrate(volumes, server, administrator="administrator", password=PASSWORD):
    file = volumes / "administrator.password"
    file.write_text(f"{password}\n")
    file.chmod(0o400)
    done = latchkey(
        "deploy", "migrate", "--volumes", volumes, "--server", server.place, "--administrator", administrator,
        "--password-file", file,
    )  # fmt: skip
    file.unlink()
    assert password not in done.stdout + done.stderr
    return done


class Managed:
    """The services of a deployment once more, on a database of another server."""

    def __init__(self, deployment, volumes, server):
        self.deployment = deployment
        self.running = {}
        with contextlib.ExitStack() as stack:
            for service in ("signing", "keys", "licenses", "webhooks", "gateway"):
                secrets = volumes / "secrets" / service
                settings = {f"LATCHKEY_{other.upper()}_ADDRESS": one.address for other, one in self.running.items()}
                if service != "gateway":
                    settings |= {
                        "LATCHKEY_DATABASE_URL": f"{server.place} dbname=latchkey user=latchkey_{service}",
                        "LATCHKEY_DATABASE_PASSWORD_FILE": str(secrets / f"latchkey_{service}.password"),
                        "LATCHKEY_MASTER_KEYS_FILE": str(secrets / "master-keys"),
                    }
                self.running[service] = topology.Replica(deployment, service, **settings)
                stack.callback(self.running[service].stop)
                self.running[service].wait_until_ready()
            self._stack = stack.pop_all()

    def rpc_port(self, service):
        return self.running[service].port

    def __getattr__(self, name):
        return getattr(self.deployment, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()


def test_a_managed_server_needs_no_superuser(deployment, managed, volumes):
    managed.make_administrator("administrator", PASSWORD, "nosuperuser createrole createdb")
    # The second time is every start after the first, and every upgrade.
    for _ in range(2):
        done = migrate(volumes, managed)
        assert done.returncode == 0, done.stderr
    powers = "rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb"
    roles = managed.sql(f"select {powers} from pg_roles where rolname !~ '^(pg_|latchkey_test$)' order by 1")
    assert [role for role in roles if "t" in role[1:]] == [["administrator", "f", "f", "t", "t"]]
    assert {"latchkey_keys", "latchkey_migrator", "latchkey_lookup_keys"} <= {role[0] for role in roles}
    owners = managed.sql(
        "select distinct r.rolname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_roles r on r.oid = c.relowner where n.nspname in ('keys', 'licenses', 'signing', 'webhooks')",
        "latchkey",
    )
    assert ["administrator"] not in owners and ["latchkey_test"] not in owners and owners, owners
    # And what was made is all that services need, with row-level security that nobody is above.
    with Managed(deployment, volumes, managed) as site:
        account = accounts.create(site, "Managed")
        with account.api(url=site.running["gateway"].url) as api:
            issued = api.license(api.catalogue())
            assert api.validate(issued["key"])["code"] == "VALID"
        with accounts.create(site, "Stranger").api(url=site.running["gateway"].url) as api:
            assert api.get(f"/licenses/{issued['id']}").status_code == 404


@pytest.mark.parametrize("attributes", ("nocreaterole createdb", "createrole nocreatedb"))
def test_an_administrator_who_may_not_make_roles_or_databases_is_told(managed, volumes, attributes):
    managed.make_administrator("administrator", PASSWORD, attributes)
    done = migrate(volumes, managed)
    assert done.returncode == 1, done.stderr
    line = json.loads(done.stderr.splitlines()[-1])
    assert line["level"] == "critical" and "permission denied" in json.dumps(line), line
    assert managed.sql("select count(*) from pg_database where datname = 'latchkey'") == [["0"]]


def test_a_wrong_password_of_the_administrators_is_told(managed, volumes):
    managed.make_administrator("administrator", PASSWORD, "createrole createdb")
    done = migrate(volumes, managed, password="not-the-administrators-4711")
    assert done.returncode == 1 and "password authentication failed" in done.stderr, done.stderr
