"""Which worker of pytest-xdist runs what, and how many there are."""

import os
from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# Folders whose tests have one development server, which is started in each worker that runs some of them.
OF_ONE_SERVER = ("tests/browser", "tests/clients", "tests/flows")
# Files of theirs that start other servers, or take so long that no worker should wait for the rest of them.
APART = frozenset(
    {
        *("test_every_page", "test_federation", "test_implicit", "test_playground", "test_second_factors"),
        *("test_mcp_revisions", "test_oidc_provider", "test_openid_client", "test_shapes", "test_wire"),
        *("test_clients_by_machine", "test_examples", "test_legacy_grants", "test_parameters"),
    }
)
WORKERS_PER_CORE = 2  # a third of the time they wait, for servers and for pages


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return WORKERS_PER_CORE * (os.process_cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> "ByServer | None":
    return ByServer(config, log) if config.getoption("dist") == "loadfile" else None


class ByServer(LoadFileScheduling):  # type: ignore[misc]  # which has no types
    """A file stays with one worker; and so do the files of a folder that share a server."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(super()._split_scope(nodeid))
        folder = str(file.parent)
        return folder if folder in OF_ONE_SERVER and file.stem not in APART else str(file)
