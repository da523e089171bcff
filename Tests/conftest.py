"""Shared fixtures and options. `pytest -c Tests/pytest.ini Tests` runs all; see EndToEnd/README.md."""

import pytest

from harness import reference


def pytest_addoption(parser):
    parser.addoption(
        "--targets",
        default="rpc,gateway",
        help="which servers the HTTP/2 clauses are put to: rpc, gateway, interop, and "
        "reference (nghttpd, which shows that the clauses themselves are right)",
    )


@pytest.fixture(scope="session")
def reference_target(tmp_path_factory):
    """nghttpd, as a server known to keep to RFC 9113."""
    with reference.serve(tmp_path_factory.mktemp("reference")) as target:
        yield target
