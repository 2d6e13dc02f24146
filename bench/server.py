"""The development server: how soon it is ready, and what memory it takes. Needs /proc."""

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.flows.person import Deployment, Person, demo_web

ROOT = Path(__file__).parent.parent
CHECKS = 15  # seconds until the functions were checked in the background
TICKS = 100  # of the kernel's clock in a second


@dataclass(frozen=True)
class Start:
    """Seconds until the first answer, of the wall and of the CPUs; MB of PSS when it is idle, and after the flows."""

    wall: float
    cpu: float
    idle: float
    walked: float


def report_server(times: int) -> str:
    starts = [_measure() for _ in range(times)]
    lines = [f"development server, the median of {times} starts"]
    for name, unit, of in (
        ("ready", "s", [one.wall for one in starts]),
        ("CPU until then", "s", [one.cpu for one in starts]),
        ("memory when idle", "MB", [one.idle for one in starts]),
        ("memory after the main flows", "MB", [one.walked for one in starts]),
    ):
        lines.append(f"  {name:<28} {statistics.median(of):7.1f} {unit:<2}  ({min(of):.1f} to {max(of):.1f})")
    return "\n".join(lines)


def _measure() -> Start:
    began = time.perf_counter()
    with _server() as (process, deployment):
        httpx.get(f"{deployment.issuer}/.well-known/openid-configuration", timeout=60).raise_for_status()
        wall, cpu = time.perf_counter() - began, _cpu(process.pid)
        time.sleep(CHECKS)
        idle = _memory(process.pid)
        _walk(deployment)
        return Start(wall, cpu, idle, _memory(process.pid))


@contextmanager
def _server() -> Iterator[tuple[subprocess.Popen[str], Deployment]]:
    """`python -m local` with the demo data, once it says that it is ready; in a session of its own."""
    command = [sys.executable, "-m", "local", "--port", "0", "--resource-port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout
    with process.stdout:
        try:
            said = ""
            while not said.endswith("Ready. Ctrl-C stops it.\n"):
                said += process.stdout.readline()
                assert process.poll() is None, said
            addresses = dict(re.findall(r"^(Issuer|ResourceApi) +(\S+)", said, re.MULTILINE))
            yield process, Deployment(addresses["Issuer"], addresses["ResourceApi"])
        finally:
            process.terminate()
            process.wait()


def _walk(deployment: Deployment) -> None:
    person, app = Person(deployment), demo_web(deployment)
    tokens = app.refresh(app.tokens_for(person)["refresh_token"], "/refresh").json()
    assert app.post("/introspect", token=tokens["access_token"]).json()["active"]
    for path in ("/userinfo", "/items"):
        app.call(path, tokens["access_token"]).raise_for_status()
    person.follow(person.browser.get(f"{deployment.issuer}/my")).raise_for_status()


def _processes(session: int) -> Iterator[tuple[Path, list[str]]]:
    """The folder in /proc of each process of a session, and its `stat` from the third field on."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat[3]) == session:
                yield folder, stat


def _cpu(session: int) -> float:
    """Seconds that the processes took, and those that they waited for."""
    return sum(int(ticks) for _, stat in _processes(session) for ticks in stat[11:15]) / TICKS


def _memory(session: int) -> float:
    kilobytes = 0
    for folder, _ in _processes(session):
        pss = re.search(r"^Pss: +(\d+)", (folder / "smaps_rollup").read_text(), re.MULTILINE)
        kilobytes += int(pss[1]) if pss else 0
    return kilobytes / 1024
