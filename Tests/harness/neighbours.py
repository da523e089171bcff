"""Programs of Debian that stand beside the stack, in containers: proxies before it, and who asks it."""

import contextlib
import csv

HAPROXY = ("haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg", "-f", "/etc/haproxy/latchkey.cfg")
NGINX = ("nginx", "-g", "daemon off;")

# Asks HAProxy what it thinks of its servers, as an operator does; there is nothing before it listens.
SHOW_SERVERS = """
import socket
with socket.socket(socket.AF_UNIX) as one:
    if one.connect_ex("/run/haproxy/admin.sock"): raise SystemExit
    one.sendall(b"show stat -1 4 -1\\n")
    print(b"".join(iter(lambda: one.recv(65536), b"")).decode().removeprefix("# "))
"""


def written(folder, files):
    """Writes texts into a folder; gives how a container finds each of them at its own path."""
    mounts = []
    for number, (path, text) in enumerate(files.items()):
        place = folder / str(number)
        place.write_text(text)
        mounts += ["--volume", f"{place}:{path}:ro"]
    return mounts


@contextlib.contextmanager
def neighbour(engine, images, *command, mounts=(), network="host", options=()):
    """Lends a container that runs a program while the block runs."""
    words = ("--detach", "--network", network, *options, *mounts, images.NEIGHBOURS)
    name = engine.docker("run", *words, *command).strip()
    try:
        yield name
    finally:
        print(engine.logs(name)[-4000:])
        engine.docker("rm", "--force", name)


def checked_servers(engine, balancer):
    """What HAProxy has found out about each server: the state and the last check."""
    rows = csv.DictReader(engine.docker("exec", balancer, "python3", "-c", SHOW_SERVERS).strip().splitlines())
    return {row["svname"]: (row["status"], row["check_status"].lstrip("* ")) for row in rows}
