"""Each function may do what it does, and does what it may: SECURITY.md section 9, both ways.

Every flow is run with the AWS calls recorded; what a function did is compared with its policy in the template.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

import pytest

from authserver.tokens.keyring import RINGS
from tests.functions.flowing import LEGACY, MAIL, Flow
from tests.functions.flows import FLOWS, LEGACY_FLOWS, MAIL_FLOWS, REGISTRATION_FLOWS
from tests.functions.simulated_aws import Call
from tests.functions.world import FUNCTIONS, World
from tests.template.written import Statement, Written

WRAPPING_KEY = "WrappingKey"


def record(world: World, flows: Mapping[str, Flow]) -> list[Call]:
    """Everything that every function did."""
    calls: list[Call] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda _: None)
        for perform in flows.values():
            world.reset()
            perform(world)
            calls += (part for call in world.aws.calls for part in call.parts)
    return calls


@pytest.fixture(scope="session")
def recorded(shared_world: World) -> list[Call]:
    return record(shared_world, FLOWS)


@pytest.fixture(scope="session")
def recorded_with_legacy(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, LEGACY_FLOWS)


@pytest.fixture(scope="session")
def recorded_with_registration(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, REGISTRATION_FLOWS)


@pytest.fixture(scope="session")
def recorded_with_mail(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, MAIL_FLOWS)


def resource_of(call: Call) -> str:
    if call.service == "kms":
        return WRAPPING_KEY
    if call.service == "ses":
        return "identities"
    return f"{call.table}/index/{call.index}" if call.index else call.table


def is_allowed(call: Call, statement: Statement) -> bool:
    if call.action not in statement.actions or resource_of(call) not in statement.resources:
        return False
    keys = all(any(fnmatchcase(key, pattern) for pattern in statement.leading_keys) for key in call.keys)
    return (keys or not statement.leading_keys) and (call.ring in statement.rings or not statement.rings)


def permissions(statement: Statement) -> set[tuple[str, str, str]]:
    """(action, resource, kind of key) for each that the statement gives."""
    kinds = statement.leading_keys or statement.rings or ("*",)
    if WRAPPING_KEY in statement.resources and not statement.rings:
        kinds = RINGS
    return {(action, one, kind) for action in statement.actions for one in statement.resources for kind in kinds}


def uses(call: Call) -> set[tuple[str, str, str]]:
    kinds = {"*", call.ring, *call.keys, *(kind for key in call.keys for kind in kinds_of(key))}
    return {(call.action, resource_of(call), kind) for kind in kinds}


def kinds_of(key: str) -> list[str]:
    """``cutoff#client#x`` is a ``cutoff#*`` and a ``cutoff#client#*``."""
    parts = key.split("#")
    return ["#".join((*parts[:length], "*")) for length in range(1, len(parts))]


def missing(function: str, calls: list[Call], statements: list[Statement]) -> set[tuple[str, str, object]]:
    """What the function did without being allowed to."""
    return {
        (call.action, resource_of(call), call.prefixes or call.ring)
        for call in calls
        if call.function == function and not any(is_allowed(call, statement) for statement in statements)
    }


def unused(function: str, calls: list[Call], statements: list[Statement]) -> set[tuple[str, str, str]]:
    """What the function is allowed without ever doing it."""
    given = {one for statement in statements for one in permissions(statement)}
    return given - {one for call in calls if call.function == function for one in uses(call)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_do_all_that_it_does(function: str, recorded: list[Call], written: Written) -> None:
    assert missing(function, recorded, written.statements(function)) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_does_all_that_it_may(function: str, recorded: list[Call], written: Written) -> None:
    assert unused(function, recorded, written.statements(function)) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_and_does_the_same_with_the_legacy_grants_on(
    function: str, recorded_with_legacy: list[Call], written: Written
) -> None:
    statements = written.statements(function, **LEGACY)
    assert missing(function, recorded_with_legacy, statements) == set()
    assert unused(function, recorded_with_legacy, statements) == set()


def test_the_legacy_grants_permissions_are_for_those_who_turn_them_on(written: Written) -> None:
    for parameter, functions in (("ImplicitGrant", {"authorize", "consent"}), ("PasswordGrant", {"token"})):
        on = {parameter: "true"}
        assert {one for one in FUNCTIONS if written.statements(one) != written.statements(one, **on)} == functions


@pytest.mark.parametrize("registration", ["InitialAccessToken", "Open"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_and_does_the_same_where_clients_register_themselves(
    function: str, registration: str, recorded_with_registration: list[Call], written: Written
) -> None:
    statements = written.statements(function, Registration=registration)
    assert missing(function, recorded_with_registration, statements) == set()
    assert unused(function, recorded_with_registration, statements) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_and_does_the_same_where_mails_are_sent(
    function: str, recorded_with_mail: list[Call], written: Written
) -> None:
    statements = written.statements(function, **MAIL)
    assert missing(function, recorded_with_mail, statements) == set()
    assert unused(function, recorded_with_mail, statements) == set()


def test_where_no_mails_are_sent_nobody_may_do_anything_for_them(written: Written) -> None:
    assert written.statements("mail") == []
    for function in FUNCTIONS:
        actions = {action for statement in written.statements(function) for action in statement.actions}
        assert not actions & {"ses:SendEmail", "lambda:InvokeFunction"}


def test_one_function_sends_mails_and_from_one_address(written: Written) -> None:
    senders = {
        function: statement
        for function in FUNCTIONS
        for statement in written.statements(function, **MAIL)
        if any(action.startswith("ses:") for action in statement.actions)
    }
    assert set(senders) == {"mail"}
    assert senders["mail"].condition == {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}}


def test_functions_invoke_no_other_than_the_one_that_sends_mails(written: Written) -> None:
    for function in FUNCTIONS:
        for statement in written.statements(function, **MAIL):
            if any(action.startswith("lambda:") for action in statement.actions):
                assert (statement.actions, statement.resources) == (("lambda:InvokeFunction",), ("MailFunction",))


def test_who_may_register_nobody_may_do_nothing(written: Written) -> None:
    """By default; and never anything with a key."""
    assert written.statements("register") == []
    for statement in written.statements("register", Registration="Open"):
        assert not {"KeysTable", WRAPPING_KEY, "UsersTable"} & set(statement.resources)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_has_no_wide_permission(function: str, written: Written) -> None:
    allowed = {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:Query",
        "kms:Encrypt",
        "kms:Decrypt",
        "lambda:InvokeFunction",
        "ses:SendEmail",
    }
    for statement in written.statements(function, **MAIL):
        assert set(statement.actions) <= allowed
        assert statement.effect == "Allow"


def test_every_permission_on_tokens_is_bound_to_kinds_of_items(written: Written) -> None:
    for function in FUNCTIONS:
        for statement in written.statements(function, **MAIL):
            if "TokensTable" in statement.resources:
                assert set(statement.condition) == {"ForAllValues:StringLike"}
                assert all(pattern.endswith("#*") and pattern.count("*") == 1 for pattern in statement.leading_keys)


def test_only_those_who_make_keys_may_wrap_them(written: Written) -> None:
    wrappers = {
        function
        for function in FUNCTIONS
        for statement in written.statements(function)
        if "kms:Encrypt" in statement.actions
    }
    assert wrappers == {"rotate_keys", "authorize", "token", "admin", "my", "organisations"}
    for function, ring in (("my", "factor"), ("organisations", "idp")):
        (own,) = [one for one in written.statements(function) if "kms:Encrypt" in one.actions]
        assert own.rings == (ring,)


def test_only_those_who_sign_may_unwrap_a_signing_key(written: Written) -> None:
    unwrappers = {
        function
        for function in FUNCTIONS
        for statement in written.statements(function)
        if "kms:Decrypt" in statement.actions and (not statement.rings or set(statement.rings) & {"ES256", "RS256"})
    }
    assert unwrappers == {"token", "refresh"}


def test_only_the_function_that_goes_out_may_unwrap_what_it_says_there(written: Written) -> None:
    unwrappers = {
        function
        for function in FUNCTIONS
        for statement in written.statements(function)
        if "kms:Decrypt" in statement.actions and (not statement.rings or "idp" in statement.rings)
    }
    assert unwrappers == {"federate"}


def test_the_authorizer_may_read_what_it_checks_and_nothing_else(written: Written) -> None:
    actions = {action for statement in written.statements("authorizer") for action in statement.actions}
    assert actions == {"dynamodb:BatchGetItem", "dynamodb:GetItem", "kms:Decrypt"}


def test_metadata_reads_keys_and_cannot_unwrap_them(written: Written) -> None:
    given = {(statement.actions, statement.resources) for statement in written.statements("metadata")}
    assert given == {(("dynamodb:GetItem",), ("KeysTable",)), (("dynamodb:GetItem",), ("ConfigurationTable",))}


def test_every_read_is_strongly_consistent(recorded: list[Call]) -> None:
    """Users, clients, tokens and keys alike: the schema's word, and storage.py's law."""
    reads = [call for call in recorded if call.operation in ("GetItem", "BatchGetItem")]
    tables = {"ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable"}
    assert {call.table for call in reads} == tables
    assert all(call.consistent for call in reads)
