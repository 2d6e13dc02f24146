"""DynamoDB and KMS fail under every operation of the management APIs: SECURITY.md section 6, F1, F7, F19, F23."""

from typing import Any

import pytest

from authserver.management import Operation
from tests.functions.estate import OPERATIONS, Estate, Furnished, Holder
from tests.functions.flowing import API_KEYS, WEBHOOKS
from tests.functions.gateway import Gateway
from tests.functions.simulated_aws import Call, Fault
from tests.functions.situations import FAULTS, Prepare, Situation, is_unavailable, poisons_of
from tests.functions.world import World


def about_to(operation: Operation, estate: Estate) -> Prepare:
    name = operation.route.split("/")[1]
    return lambda gateway: (name, lambda: estate.call(gateway, operation))


def faults_of(first: int, call: Call) -> tuple[Fault, ...]:
    reads = ("GetItem", "BatchGetItem", "Query", "Decrypt", "Encrypt")
    fault = FAULTS[first % len(FAULTS)]
    return (fault,) if call.operation in reads else (fault, Fault.LOST)


def is_no_matter(call: Call, route: str) -> bool:
    """Whether it writes down what was done, orders what is done by and by anyway, or asks what something is called:
    nothing waits for it."""
    is_note = call.operation == "PutItem" and call.prefixes == ("activity",)
    names = call.operation in ("Query", "BatchGetItem") and set(call.prefixes) == {"idp"} and "/users/" in route
    return is_note or call.operation == "InvokeFunction" or names


def may_be_gone(operation: Operation, status: int) -> bool:
    """Whether it takes something away, and says that it is not there (any more)."""
    return status == 404 and (operation.status == 204 or operation.route.endswith("/withdrawal"))


ENDS_ITSELF = "DELETE /account/applications"  # the caller's own tokens among it
ENDS_EVERYTHING = "POST /admin/end-everything"  # which an authorizer that was asked before learns seconds later


@pytest.mark.parametrize("route", OPERATIONS)
def test_a_call_that_fails_for_good_is_503_and_can_be_made_again(route: str, furnished: Furnished) -> None:
    """F1: nothing is told as done that was not, and what was done by then does not block a repetition."""
    world, estate = furnished
    operation = OPERATIONS[route]
    situation = Situation(
        world, about_to(operation, estate), API_KEYS | WEBHOOKS, authorizes_anew=route == ENDS_EVERYTHING
    )
    assert situation.answer_with(None).status == operation.status
    for first, call in enumerate(situation.calls):
        for fault in faults_of(first, call):
            try:
                answer = situation.answer_with(situation.from_call(first, fault))
                if is_no_matter(call, route) and answer.status == operation.status:
                    continue
                is_unavailable(answer)
                assert answer.headers["content-type"] == "application/problem+json"
                if route == ENDS_ITSELF and fault is Fault.LOST:
                    asked_again(situation, estate.holders["Acme"])
                    continue
                again = situation.ask().status
                assert again == operation.status or may_be_gone(operation, again), again
            except AssertionError as error:
                error.add_note(f"call {first}, {call.action} {call.keys}, {fault}")
                raise


def asked_again(situation: Situation, holder: Holder) -> None:
    """Ends all, if that is not done: then the caller's own token is over, as all the others, which are one write."""
    try:
        assert situation.ask().status == 204
    except RuntimeError as error:
        assert str(error) == "Unauthorized"  # noqa: PT017 - what API Gateway turns into 401
    assert holder.refresh().status == 400


@pytest.mark.parametrize("route", OPERATIONS)
def test_an_attempt_that_fails_once_goes_unnoticed(route: str, furnished: Furnished) -> None:
    """The SDK tries again. A DELETE whose answer was lost may find nothing left to delete."""
    world, estate = furnished
    situation = Situation(world, about_to(OPERATIONS[route], estate), API_KEYS | WEBHOOKS)
    usual = situation.answer_with(None)
    for one, call in enumerate(situation.calls):
        for fault in faults_of(one, call):
            answer = situation.answer_with(situation.only_call(one, fault))
            told_gone = fault is Fault.LOST and may_be_gone(OPERATIONS[route], answer.status)
            assert answer.status == usual.status or told_gone, (one, call, fault, answer)


# ------------------------------------------------------------------ what ends things

TABLES = ("ClientsTable", "UsersTable", "TokensTable", "ConfigurationTable")
ENDS = {
    "PATCH /admin/clients/{client_id}": "Carol",
    "DELETE /admin/clients/{client_id}": "Carol",
    "PATCH /admin/users/{sub}": "Carol",
    "DELETE /admin/users/{sub}": "Carol",
    "PUT /admin/users/{sub}/password": "Carol",
    "DELETE /admin/users/{sub}/factors": "Carol",
    "DELETE /admin/authorizations": "Carol",
    "DELETE /admin/authorizations/{id}": "Carol",
    "PATCH /admin/organisations/{organisation}": "Acme",
    "DELETE /account/applications/{client_id}": "Acme",
    "DELETE /account/organisations/{organisation}/applications/{client_id}": "Acme",
}


def what_decides(world: World) -> dict[str, dict[str, Any]]:
    """All that is stored, but for what is written down, and maps that nothing is counted in yet."""
    stored = {f"{table} {key}": item for table in TABLES for key, item in world.aws.items(table).items()}
    counted = {
        name: {attribute: value for attribute, value in item.items() if value != {"M": {}}}
        for name, item in stored.items()
        if not name.startswith("TokensTable activity#")
    }
    return {name: item for name, item in counted.items() if set(item) != {"pk", "v"}}


@pytest.mark.rfc("7009", "2.2.1")
@pytest.mark.parametrize("route", ENDS)
def test_what_was_told_as_ended_has_ended_however_often_it_failed(route: str, furnished: Furnished) -> None:
    """F7, F19: 204 and 404 alike mean that nothing of it works any more. After 503 all is as before, or all is done:
    if anything at all was written, nothing of it works."""
    world, estate = furnished
    situation = Situation(world, about_to(OPERATIONS[route], estate), API_KEYS | WEBHOOKS)
    holder = estate.holders[ENDS[route]]
    world.restore(situation.before)
    before = what_decides(world)
    assert holder.refresh().status == 200
    for first, call in enumerate(situation.calls):
        for fault in (Fault.THROTTLED, Fault.LOST):
            answer = situation.answer_with(situation.from_call(first, fault))
            if not (is_no_matter(call, route) and answer.status == OPERATIONS[route].status):
                is_unavailable(answer)
            assert holder.is_active() is (what_decides(world) == before), (first, fault)
            assert situation.ask().status in (200, 204, 404)
            assert holder.refresh().status in (400, 401), (first, fault)
            assert not holder.is_active(), (first, fault)


# ------------------------------------------------------------------ items that are not as they should be

POISONED = {
    "client": ("ClientsTable", "/admin/clients/{client_id}", ""),
    "app": ("ClientsTable", "/partner/apps/{client_id}", ""),
    "user": ("UsersTable", "/admin/users/{sub}", "user#"),
    "organisation": ("UsersTable", "", "organisation#"),
    "membership": ("UsersTable", "", "membership#"),
    "approval": ("TokensTable", "", "approval#"),
    "authorization": ("TokensTable", "", "authorization#"),
    "session": ("TokensTable", "", "session#"),
    "scopes": ("ConfigurationTable", "", "scopes"),
    "provider": ("ConfigurationTable", "", "idp#"),
    "theme": ("ConfigurationTable", "", "theme"),
}


def readings_of(key: str, world: World, estate: Estate) -> list[Operation]:
    """The operations that read this item."""
    found = []
    for operation in [one for one in OPERATIONS.values() if one.route.startswith("GET")]:
        world.aws.calls.clear()
        estate.call(Gateway(world), operation)
        if any(key in part.keys for call in world.aws.calls for part in call.parts if call.function != "authorizer"):
            found.append(operation)
    return found


def status_of(estate: Estate, world: World, operation: Operation) -> int:
    try:
        return estate.call(Gateway(world), operation).status
    except RuntimeError as error:
        assert str(error) == "temporarily unavailable"  # noqa: PT017 - what API Gateway turns into 503
        return 503


@pytest.mark.parametrize("kind", POISONED)
def test_a_poisoned_item_breaks_no_list_and_no_reading(kind: str, furnished: Furnished) -> None:
    """F23: every attribute missing or of another type; as good as none, never 500.

    What the catalogue says matters to everything, and what signs somebody in must not be taken for none: while it
    cannot be read, the answer is unknown, which is 503.
    """
    world, estate = furnished
    table, named, prefix = POISONED[kind]
    wanted = prefix + (estate.names[named] if named else "")
    key = next(key for key in world.aws.items(table) if (key == wanted if named else key.startswith(prefix)))
    with world.using(**({"admin": world.load("admin")} if kind == "scopes" else {})):
        readings = readings_of(key, world, estate)
    assert readings
    before, failures = world.aws.snapshot()[table], []
    for attribute in sorted(set(world.aws.items(table)[key]) - {"pk", "id", "client_id"}):
        for poison in poisons_of(attribute):
            world.restore({table: before})
            world.aws.change(table, key, **{attribute: poison})
            with world.using(**({"admin": world.load("admin")} if kind == "scopes" else {})):
                answers = {one.route: status_of(estate, world, one) for one in readings}
            worst = 503 if kind == "scopes" or (kind, attribute) == ("user", "identities") else 499
            failures += [(attribute, poison, *one) for one in answers.items() if one[1] > worst or one[1] == 500]
    assert failures == []
