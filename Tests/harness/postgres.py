"""A Postgres server of a test's own, which belongs to no deployment: as an operator is lent one."""

import contextlib
import subprocess

from . import deployment as deployments
from . import processes


class Server:
    """A running server, by the way in which its superuser connects."""

    def __init__(self, superuser):
        self.superuser = superuser
        # Without whom and to which database.
        self.place = " ".join(word for word in superuser.split() if not word.startswith(("user=", "dbname=")))

    def psql(self, statement, connection):
        """Runs a statement by a connection string, never asking for a password; gives the finished process."""
        program = deployments.POSTGRES_PROGRAMS / "psql"
        return subprocess.run(
            [program, "-XAtqw", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-f", "-", connection],
            input=statement, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def sql(self, statement, database="postgres"):
        """Runs a statement as the superuser; gives the rows, as lists of texts."""
        done = self.psql(statement, f"{self.place} user={self._user} dbname={database}")
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def make_administrator(self, name, password, attributes):
        """Makes a role that may log in by its password alone, as everybody from now on but the superuser."""
        self.sql(f"""
            create role {name} login {attributes} password '{password}';
            select current_setting('hba_file') as file \\gset
            copy (values ('local all {self._user} trust'), ('local all all scram-sha-256')) to :'file';
            select pg_reload_conf();
        """)
        without = f"{self.place} user={name} dbname=postgres"
        processes.poll(lambda: self.psql("select 1", without).returncode != 0, 20, "passwords are asked for")

    @property
    def _user(self):
        return next(word for word in self.superuser.split() if word.startswith("user=")).removeprefix("user=")


@contextlib.contextmanager
def server():
    """Runs one, which is gone afterwards."""
    # The command lasts for as long as its standard input is open.
    command = [processes.REPOSITORY / "Tests" / "with-postgres", "sh", "-c", 'echo "$LATCHKEY_TEST_POSTGRES"; cat']
    script = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        superuser = script.stdout.readline().strip()
        assert superuser, "with-postgres says why"
        yield Server(superuser)
    finally:
        script.stdin.close()
        script.wait(60)
        script.stdout.close()
