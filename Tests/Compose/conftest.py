"""One engine, one build of the images and one deployment for all tests with containers."""

import os
import pathlib
import shutil
import tempfile

import pytest

from harness import containers
from harness.stack import Stack


@pytest.fixture(scope="session")
def engine():
    assert os.geteuid() == 0, "the container engine needs root"
    kept = os.environ.get("LATCHKEY_COMPOSE_FOLDER")
    if kept:
        pathlib.Path(kept).mkdir(parents=True, exist_ok=True)
    folder = kept or tempfile.mkdtemp(prefix="latchkey-compose-", dir="/var/tmp")
    one = containers.Engine(folder)
    held = []
    try:
        one.start()
        yield one
        held = one.held()
    finally:
        one.stop()
        left = one.left()
        if not kept:
            shutil.rmtree(folder)
    assert held == [], "every container, network and volume was to be removed"
    assert left == [], "the machine was to be as it was before"


@pytest.fixture(scope="session")
def images(engine):
    containers.Images(engine).make()
    return containers.Images


@pytest.fixture(scope="session")
def stack(engine, images):
    one = Stack(engine, images)
    try:
        one.up()
        one.connect()
        yield one
    except BaseException:
        print(one.compose("logs", "--no-color", "--tail", "50"))
        raise
    finally:
        if one.client:
            one.client.close()
        one.compose("down", "--volumes", "--timeout", "40")
