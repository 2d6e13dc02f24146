"""Kills a process before each of its writes, and looks at what is left.

An operation is one atomic write: after SIGKILL at any place either everything is as it was or everything is gone, and
the caller asks again and finishes the same act. A child process does the operation and kills itself before its k-th
write, for each k, until it comes to its end. The tables are its parent's, which answers its calls to DynamoDB.
"""

import itertools
import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.ministack import asked, aws_response
from tests.sweep.estate import Estate
from tests.sweep.place import Key, State, essence
from tests.sweep.powers import powers

NONE = frozenset[str]()
LONGEST = 30  # seconds that a child may take before it is ended

# Does an operation, as its caller does; once more for a repeated call.
type Act = Callable[[], object]


@dataclass(frozen=True)
class Scenario:
    """What somebody does by an operation, and what they take away by it.

    `operation` is one of `operations.operations`. `prepare` goes as far as the call, and gives it. `takes` are the
    powers (`powers.PROBES`) that are gone after it, `gives` those that are there only then. `uses` are among those that
    it takes: what works once is used up before it is answered, so after a kill it may be gone alone.
    """

    operation: str
    name: str
    prepare: Callable[[Estate], Act]
    takes: frozenset[str]
    gives: frozenset[str] = NONE
    uses: frozenset[str] = NONE

    def __str__(self) -> str:
        return self.name


@dataclass
class Register:
    """The scenarios of one subject, in the order in which they are written."""

    scenarios: list[Scenario] = field(default_factory=list)

    def __call__(
        self,
        operation: str,
        name: str,
        *,
        takes: frozenset[str],
        gives: frozenset[str] = NONE,
        uses: frozenset[str] = NONE,
    ) -> Callable[[Callable[[Estate], Act]], Callable[[Estate], Act]]:
        def register(prepare: Callable[[Estate], Act]) -> Callable[[Estate], Act]:
            self.scenarios.append(Scenario(operation, name, prepare, takes, gives, uses))
            return prepare

        return register

    def __iter__(self) -> Iterator[Scenario]:
        return iter(self.scenarios)


@dataclass(frozen=True)
class Left:
    """What was found after a process was killed before its write number `write`."""

    write: int
    powers: frozenset[str]
    finished: frozenset[str]  # once the caller has asked again


@dataclass(frozen=True)
class Swept:
    """What works before an operation, what after the whole of it, and what after each kill."""

    before: frozenset[str]
    after: frozenset[str]
    kills: tuple[Left, ...]
    uses: frozenset[str]

    @property
    def faults(self) -> list[str]:
        """What the law forbids, in words."""
        found = []
        for one in self.kills:
            if one.powers - self.uses not in (self.before - self.uses, self.after):
                found.append(f"killed before write {one.write}, {self._difference(one.powers)}")
            if one.finished != self.after:
                found.append(f"asked again after the kill before write {one.write}, {self._difference(one.finished)}")
        return found

    def _difference(self, powers: frozenset[str]) -> str:
        gone, left = sorted(self.before - powers), sorted(powers - self.after)
        return f"gone is {gone or 'nothing'}, and left what should be gone: {left or 'nothing'}"


class Sweeper:
    """Sweeps over operations in one estate. What a state allows is looked up once."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._known: dict[tuple[str, int], frozenset[str]] = {}

    def sweep(self, scenario: Scenario) -> Swept:
        estate, place = self._estate, self._estate.place
        with self._undone():
            estate.start(place.client, f"before {scenario.name}")
            act = scenario.prepare(estate)
            before = place.state()
            self._do(act, scenario.name)
            after = self._allowed(place.state())
            kills = tuple(self._kills(scenario, act, before))
            return Swept(self._allowed(before), after, kills, scenario.uses)

    def require_law(self, scenario: Scenario) -> None:
        """One withdrawal, one atomic write."""
        swept = self.sweep(scenario)
        assert swept.before - swept.after == scenario.takes
        assert swept.after - swept.before == scenario.gives
        assert swept.kills, "it wrote nothing"
        assert not swept.faults, "\n".join(swept.faults)

    def _kills(self, scenario: Scenario, act: Act, before: State) -> Iterator[Left]:
        estate = self._estate
        for write in itertools.count(1):
            estate.restore(before)
            if not self._kill(act, scenario.name, write):
                return
            left = estate.place.state()
            found = self._allowed(left)
            estate.restore(left)
            self._do(act, "again")
            yield Left(write, found, self._allowed(estate.place.state()))

    def _do(self, act: Act, seed: str) -> None:
        self._estate.start(self._estate.place.client, seed)
        act()

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Afterwards everything is as it was."""
        now = self._estate.clock.time
        self._estate.restore()
        try:
            yield
        finally:
            self._estate.restore()
            self._estate.clock.time = now

    def _allowed(self, state: State) -> frozenset[str]:
        """What works while this is stored."""
        estate = self._estate
        known = essence(state), estate.clock()
        if known not in self._known:
            estate.restore(state)
            estate.start(estate.place.remembering_client(), "looking", counts=False)
            self._known[known] = powers(estate)
            estate.restore(state)
        return self._known[known]

    def _kill(self, act: Act, seed: str, write: int) -> bool:
        """Does it in a child that kills itself before that write; tells whether it came so far."""
        ours, childs = Pipe()
        with warnings.catch_warnings():
            # Other threads of this process wait for other things; the child takes nothing that they may hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            ours.close()
            self._be_the_child(act, seed, write, childs)
        childs.close()
        failure = self._serve(ours)
        _, status = os.waitpid(child, 0)
        assert not failure, failure
        assert status in (0, signal.SIGKILL), f"the child ended with {status}"
        return status != 0

    def _serve(self, child: Connection) -> str:
        """Answers the child's calls until it has ended; tells what failed in it."""
        failure, place = "", self._estate.place
        with child, suppress(EOFError):
            while True:
                match child.recv():
                    case "writes", keys:
                        place.touch(keys)
                    case "call", target, body:
                        child.send(place.database.answer(target, body))
                    case "failure", failure:
                        pass
        return failure

    def _be_the_child(self, act: Act, seed: str, last: int, parent: Connection) -> None:
        """Never comes back."""
        try:
            signal.alarm(LONGEST)
            numbers = itertools.count(1)

            def before_write(keys: frozenset[Key]) -> None:
                if next(numbers) == last:
                    os.kill(os.getpid(), signal.SIGKILL)
                parent.send(("writes", keys))

            def before_send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
                parent.send(("call", *asked(request)))
                return aws_response(request.url, *parent.recv())

            estate = self._estate
            estate.start(estate.place.another_client(before_write, before_send), seed)
            act()
        except BaseException:  # noqa: BLE001 - whatever it is, the parent is to hear of it
            with suppress(OSError):
                parent.send(("failure", traceback.format_exc()))
        finally:
            os._exit(0)
