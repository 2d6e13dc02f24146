import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.functions import MOST_WORKERS
from local.server import DevelopmentServer as WholeServer
from local.workers import FunctionError
from tests.development import DevelopmentServer

from .conftest import Project, make_project, needs_proc, workers_of


def echo(server: WholeServer, **do: str) -> Any:
    return json.loads(server.invoke("Echo", {"do": do})["body"])


def wait_for(what: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_environment_is_the_functions_own_and_lambdas(
    server: DevelopmentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = echo(server)["environment"]

    assert environment["MODE"] == "plain"
    assert environment["SIZE"] == "3"
    assert environment["JOINED"] == "a-3-plain!"
    assert environment["ISSUER"] == server.issuer
    assert "ABSENT" not in environment
    assert environment["THINGS"] == server.reference("Things")
    assert environment["AWS_ENDPOINT_URL"] == server.endpoint_url
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
    assert environment["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    allowed = set(server.environment("Echo")) | {"AWS_LAMBDA_RUNTIME_API", "_X_AMZN_TRACE_ID", "LC_CTYPE"}
    assert set(environment) <= allowed


def test_python_path_is_the_layers_and_never_the_functions(server: DevelopmentServer) -> None:
    path = echo(server)["environment"]["PYTHONPATH"].split(os.pathsep)

    assert [Path(folder).parts[-2:] for folder in path] == [("layers", "core")]


def test_function_that_raises_gives_its_message_and_type(server: DevelopmentServer) -> None:
    with pytest.raises(FunctionError, match="Unauthorized") as error:
        server.invoke("Echo", {"do": {"x-raise": "Unauthorized"}})

    assert error.value.error_type == "RuntimeError"


def test_function_over_its_timeout_is_killed_and_replaced(server: DevelopmentServer) -> None:
    before = echo(server)["pid"]
    began = time.monotonic()
    with pytest.raises(FunctionError, match=r"timed out after 2.00 seconds"):
        server.invoke("Echo", {"do": {"x-sleep": "30"}})

    assert time.monotonic() - began < 4
    assert echo(server)["pid"] != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


def test_function_that_exits_is_replaced(server: DevelopmentServer) -> None:
    with pytest.raises(FunctionError, match="exited"):
        server.invoke("Echo", {"do": {"x-exit": "1"}})

    assert echo(server)["greeting"] == "hello"


def test_simultaneous_events_have_workers_of_their_own_up_to_the_limit(server: DevelopmentServer) -> None:
    with ThreadPoolExecutor(2 * MOST_WORKERS) as pool:
        pids = list(pool.map(lambda _: echo(server, **{"x-sleep": "0.3"})["pid"], range(2 * MOST_WORKERS)))

    assert len(set(pids)) == MOST_WORKERS


def test_output_goes_to_the_log_with_the_functions_name(server: DevelopmentServer) -> None:
    echo(server, **{"x-print": "said aloud"})

    assert server._log_path
    log = server._log_path
    wait_for(lambda: "Echo | said aloud\n" in log.read_text())


def test_function_that_cannot_be_imported_does_not_keep_others_from_working(project: Project) -> None:
    project.write("functions/guard/app.py", "import nowhere\n")
    with DevelopmentServer(template=project.template, log=project.root / "log") as server:
        assert echo(server)["greeting"] == "hello"
        with pytest.raises(FunctionError, match="No module named 'nowhere'"):
            server.invoke("Guard", {})


@needs_proc
def test_function_that_cannot_be_imported_is_told_before_it_is_called(project: Project) -> None:
    project.write("functions/guard/app.py", "import nowhere\n")
    log = project.root / "log"
    with DevelopmentServer(template=project.template, log=log) as server:
        assert "Guard" not in log.read_text()
        server.check_functions()
        wait_for(lambda: "Guard does not start: Runtime.ImportModuleError" in log.read_text())
        assert "Traceback" in log.read_text()
        wait_for(lambda: workers_of(project) == [])


@pytest.mark.parametrize(("quick", "kibibytes"), [(False, 65536), (True, 8)])
def test_passwords_cost_what_they_do_where_it_is_deployed_unless_a_test_wants_them_quick(
    project: Project, quick: bool, kibibytes: int
) -> None:
    project.write(
        "functions/guard/app.py",
        "from authserver.identity import password\n"
        "def lambda_handler(event, context):\n"
        "    return password.RFC_9106_LOW_MEMORY.memory_cost\n",
    )
    log = project.root / "log"
    with WholeServer(template=project.template, log=log, quick_passwords=quick) as server:
        assert server.invoke("Guard", {}) == kibibytes


def test_function_that_a_change_breaks_is_told_before_it_is_called(project: Project) -> None:
    log = project.root / "log"
    with DevelopmentServer(template=project.template, log=log):
        project.write("functions/guard/app.py", "import nowhere\n")
        wait_for(lambda: "Guard does not start: Runtime.ImportModuleError" in log.read_text())


@needs_proc
def test_worker_is_started_by_the_first_event_and_kept_for_the_next(project: Project) -> None:
    with DevelopmentServer(template=project.template, log=project.root / "log") as server:
        assert workers_of(project) == []
        first = echo(server)["pid"]
        assert workers_of(project) == [first]
        assert echo(server)["pid"] == first


def test_function_is_reloaded_when_its_code_changes(project: Project) -> None:
    log = project.root / "log"
    with DevelopmentServer(template=project.template, log=log) as server:
        guard = server.invoke("Guard", {"type": "TOKEN", "authorizationToken": 'answer {"is": "old"}'})
        assert guard == {"is": "old"}
        project.write("functions/guard/app.py", "def lambda_handler(event, context):\n    return 'new'\n")
        wait_for(lambda: "reloaded Guard" in log.read_text())
        assert server.invoke("Guard", {}) == "new"
        assert "Echo" not in log.read_text()


def test_every_function_is_reloaded_when_its_layer_changes(project: Project) -> None:
    log = project.root / "log"
    with WholeServer(template=project.template, log=log) as server:
        assert echo(server)["greeting"] == "hello"
        project.write("layers/core/greeting.py", "GREETING = 'good day'\n")
        wait_for(lambda: "reloaded all functions" in log.read_text())
        assert echo(server)["greeting"] == "good day"


def test_function_mended_after_a_failed_start_works(project: Project) -> None:
    project.write("functions/guard/app.py", "import nowhere\n")
    log = project.root / "log"
    with DevelopmentServer(template=project.template, log=log) as server:
        project.write("functions/guard/app.py", "def lambda_handler(event, context):\n    return 'mended'\n")
        wait_for(lambda: "reloaded Guard" in log.read_text())
        assert server.invoke("Guard", {}) == "mended"


@needs_proc
def test_servers_of_one_fork_server_end_their_own_functions_alone(project: Project, tmp_path: Path) -> None:
    other = make_project(tmp_path / "other")
    with DevelopmentServer(template=project.template, log=project.root / "log") as server:
        pid = echo(server)["pid"]
        with DevelopmentServer(template=other.template, log=other.root / "log") as second:
            theirs = echo(second)["pid"]
            assert workers_of(other) == [theirs]
        assert workers_of(other) == []
        assert echo(server)["pid"] == pid
    assert workers_of(project) == []


def test_own_function_logs_once(tmp_path: Path) -> None:
    """Powertools was not imported before Lambda's runtime had set up the logging, though workers are forks."""
    log = tmp_path / "log"
    with WholeServer(log=log) as server:
        assert httpx.get(f"{server.issuer}/.well-known/openid-configuration").status_code == 200
        wait_for(lambda: "MetadataFunction |" in log.read_text())
    assert log.read_text().count("MetadataFunction |") == 1
