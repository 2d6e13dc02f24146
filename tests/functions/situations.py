"""One endpoint at the point where it is about to be asked, so that calls to AWS can be made to fail one by one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.functions.gateway import Answer, Gateway
from tests.functions.simulated_aws import SECRET_DETAIL, Call, Fault
from tests.functions.world import World

FAULTS = [Fault.THROUGHPUT_EXCEEDED, Fault.THROTTLED, Fault.INTERNAL, Fault.RESET]
POISON: list[dict[str, Any] | None] = [None, {"S": "text"}, {"N": "1.5"}, {"L": [{"NULL": True}]}]
INDEXED = frozenset(
    {
        "created_at",
        "listed",
        "listed_owner",
        "listed_member",
        "listed_organisation",
        "listed_subject",
        "listed_client",
    }
)
type Ask = Callable[[], Answer]
type Prepare = Callable[[Gateway], tuple[str, Ask]]
"""Comes as far as the endpoint; its function's name, and how to ask it."""


class Situation:
    """One endpoint at the point where it is about to be asked; `ask` does, and works on what is stored by then."""

    def __init__(
        self,
        world: World,
        prepare: Prepare,
        parameters: Mapping[str, str] | None = None,
        on_the_way: tuple[str, ...] = (),
        *,
        authorizes_anew: bool = False,
    ) -> None:
        """`on_the_way` are functions that are under the template parameters as well while it is prepared.

        `authorizes_anew` is for an authorizer that has to know already what is stored when it is asked again.
        """
        self.world = world
        self.parameters = parameters or {}
        with world.using(**{name: world.load(name, **self.parameters) for name in on_the_way}):
            self.function, self.ask = prepare(Gateway(world))
        self.before = world.aws.snapshot()
        self._decisions: dict[str, Any] | None = None if authorizes_anew or self.function == "authorizer" else {}
        self.calls = self.of_one_request()

    def of_one_request(self) -> list[Call]:
        self.answer_with(None)  # a browser brings what it was given from now on
        self.answer_with(None)
        calls = [call for call in self.world.aws.calls if call.function == self.function]
        assert calls  # or nothing could be made to fail
        return calls

    def answer_with(self, plan: Any) -> Answer:
        """A newly started function's answer while calls go as planned, those among them that it starts with.

        Its own calls: the authorizer before it, where there is one, decides the same each time on the same that is
        stored, and is asked once.
        """
        self.world.restore(self.before)
        self.world.aws.calls.clear()
        with self.world.aws.failing(plan), self.world.deciding(self._decisions):
            started = self.world.load(self.function, **self.parameters)
            with self.world.using(**{self.function: started}):
                return self.ask()

    def from_call(self, first: int, fault: Fault) -> Any:
        """The function's calls fail from this one on."""
        return self._plan(lambda number: number >= first, fault)

    def only_call(self, one: int, fault: Fault) -> Any:
        return self._plan(lambda number: number == one, fault)

    def _plan(self, fails: Callable[[int], bool], fault: Fault) -> Any:
        numbers: Iterator[int] = iter(range(1_000_000))

        def plan(call: Call) -> Fault | None:
            return fault if call.function == self.function and fails(next(numbers)) else None

        return plan


def is_unavailable(answer: Answer) -> None:
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["cache-control"] == "no-store"
    for detail in (SECRET_DETAIL, "arn:aws", "authserver-", "Table", "Traceback", "Exception", "botocore", "KMS"):
        assert detail not in str(answer.raw), detail


def poisons_of(attribute: str) -> list[dict[str, Any] | None]:
    """What an attribute may be instead; None is missing. DynamoDB refuses what does not have the type of an index."""
    return POISON[:1] if attribute in INDEXED else POISON
