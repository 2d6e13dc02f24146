"""The tool in this process, and a deployment for it to speak to."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from authserver_cli.__main__ import main
from tests.cli import deployment as fake
from tests.cli.deployment import CLIENT_ID, SECRET, FakeDeployment

type Run = Callable[..., Result]


@pytest.fixture
def deployment() -> Iterator[FakeDeployment]:
    with fake.running() as deployment:
        yield deployment


@pytest.fixture
def run(deployment: FakeDeployment) -> Run:
    """Runs the tool against the deployment; `stdin` is what is piped into it."""

    def run(*arguments: str, stdin: str = "", **environment: str | None) -> Result:
        credentials = {"AUTHSERVER_CLIENT_ID": CLIENT_ID, "AUTHSERVER_CLIENT_SECRET": SECRET}
        environ = {"AUTHSERVER_SERVER": deployment.issuer, **credentials, **environment}
        return CliRunner(mix_stderr=False).invoke(main, arguments, input=stdin, env=environ)

    return run
