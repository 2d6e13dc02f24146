"""Each function may do what it does, and does what it may: SECURITY.md section 9, both ways.

Every flow is run with the AWS calls recorded; what a function did is compared with its policy in the template.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

import pytest

from authserver.storage.users import TOLD_FIELDS
from authserver.tokens.keyring import RINGS
from local.intrinsics import Resolver
from local.parameters import choose_parameters
from local.permissions import TableKeys, dynamodb_accesses
from tests.functions import erasure_flows
from tests.functions.canary_flows import CANARY, look_as_each_client_of_the_canary
from tests.functions.flowing import API_KEYS, BRIDGE, DEVICE, DOCUMENTS, HOOK, LEGACY, MAIL, PLACEOS, WEBHOOKS, Flow
from tests.functions.flows import (
    API_KEY_FLOWS,
    BRIDGE_FLOWS,
    DEVICE_FLOWS,
    DOCUMENT_FLOWS,
    FLOWS,
    HOOK_FLOWS,
    LEGACY_FLOWS,
    MAIL_FLOWS,
    PLACEOS_FLOWS,
    REGISTRATION_FLOWS,
    WEBHOOK_FLOWS,
)
from tests.functions.gateway import Gateway
from tests.functions.given import store_the_resources, store_the_scopes
from tests.functions.sealing_flows import ARCHIVE, seal_as_deployed
from tests.functions.simulated_aws import Call
from tests.functions.world import FUNCTIONS, World
from tests.template.written import Statement, Written

WRAPPING_KEY = "WrappingKey"
EVERY_ATTRIBUTE = "*"
BY_DAY = "AuditTable/index/by_day"


def record(world: World, flows: Mapping[str, Flow]) -> list[Call]:
    """Everything that every function did."""
    return [call for calls in record_each(world, flows).values() for call in calls]


def record_each(world: World, flows: Mapping[str, Flow]) -> dict[str, list[Call]]:
    """The same by the flow, with a catalogue of scopes to be read."""
    calls: dict[str, list[Call]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda _: None)
        for name, perform in flows.items():
            world.reset()
            store_the_scopes(world)
            store_the_resources(world)
            perform(world)
            calls[name] = [part for call in world.aws.calls for part in call.parts]
    return calls


@pytest.fixture(scope="session")
def recorded_by_flow(shared_world: World) -> dict[str, list[Call]]:
    return record_each(shared_world, FLOWS)


@pytest.fixture(scope="session")
def recorded(recorded_by_flow: dict[str, list[Call]]) -> list[Call]:
    return [call for calls in recorded_by_flow.values() for call in calls]


@pytest.fixture(scope="session")
def recorded_with_legacy(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, LEGACY_FLOWS)


@pytest.fixture(scope="session")
def recorded_with_registration(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, REGISTRATION_FLOWS)


@pytest.fixture(scope="session")
def recorded_with_mail(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, MAIL_FLOWS)


@pytest.fixture(scope="session")
def recorded_with_devices(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, DEVICE_FLOWS)


@pytest.fixture(scope="session")
def recorded_with_api_keys(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, API_KEY_FLOWS)


@pytest.fixture(scope="session")
def recorded_with_documents(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, DOCUMENT_FLOWS)


@pytest.fixture(scope="session")
def recorded_at_others_paths(shared_world: World, recorded_with_legacy: list[Call]) -> list[Call]:
    return recorded_with_legacy + record(shared_world, PLACEOS_FLOWS)


@pytest.fixture(scope="session")
def recorded_with_bridge(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, BRIDGE_FLOWS)


@pytest.fixture(scope="session")
def recorded_with_hook(shared_world: World, recorded_with_legacy: list[Call]) -> list[Call]:
    return recorded_with_legacy + record(shared_world, HOOK_FLOWS)


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
    attributes = set(attributes_of(call)) <= set(statement.attributes) or not statement.attributes
    return (keys or not statement.leading_keys) and attributes and (call.ring in statement.rings or not statement.rings)


def attributes_of(call: Call) -> tuple[str, ...]:
    """The attributes that an update or a read names, as IAM and the development server count them.

    A read that names none wants them all: ``*``.
    """
    if call.operation not in ("UpdateItem", "GetItem"):
        return ()
    (access,) = dynamodb_accesses(call.operation, {**call.request, "TableName": ""}, {"": TableKeys("", "", {})})
    return access.context.get("dynamodb:Attributes", (EVERY_ATTRIBUTE,))


def permissions(statement: Statement) -> set[tuple[str, str, str]]:
    """(action, resource, kind of key) for each that the statement gives; with each attribute, where it names them."""
    kinds = statement.leading_keys or statement.rings or ("*",)
    if WRAPPING_KEY in statement.resources and not statement.rings:
        kinds = RINGS
    if statement.attributes:
        kinds = tuple(f"{kind} {attribute}" for kind in kinds for attribute in statement.attributes)
    return {(action, one, kind) for action in statement.actions for one in statement.resources for kind in kinds}


def uses(call: Call) -> set[tuple[str, str, str]]:
    kinds = {"*", call.ring, *call.keys, *(kind for key in call.keys for kind in kinds_of(key))}
    kinds |= {f"{kind} {attribute}" for kind in kinds for attribute in attributes_of(call)}
    return {(call.action, resource_of(call), kind) for kind in kinds}


def kinds_of(key: str) -> list[str]:
    """``end#client#x#1`` is an ``end#*`` and an ``end#client#*``."""
    parts = key.split("#")
    return ["#".join((*parts[:length], "*")) for length in range(1, len(parts))]


def missing(function: str, calls: list[Call], statements: list[Statement]) -> set[tuple[object, ...]]:
    """What the function did without being allowed to."""
    return {
        (call.action, resource_of(call), call.prefixes or call.ring, attributes_of(call))
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


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_and_does_the_same_where_devices_are_authorized(
    function: str, recorded_with_devices: list[Call], written: Written
) -> None:
    statements = written.statements(function, **DEVICE)
    assert missing(function, recorded_with_devices, statements) == set()
    assert unused(function, recorded_with_devices, statements) == set()


@pytest.mark.parametrize("function", ["authority", "login", "logout", "token"])
def test_function_may_and_does_the_same_at_the_paths_of_other_systems(
    function: str, recorded_at_others_paths: list[Call], written: Written
) -> None:
    statements = written.statements(function, **PLACEOS)
    assert missing(function, recorded_at_others_paths, statements) == set()
    assert unused(function, recorded_at_others_paths, statements) == set()


def test_where_nobody_answers_at_other_paths_nobody_may_do_anything_for_them(written: Written) -> None:
    on = {"EndpointAliases": PLACEOS["EndpointAliases"]}
    assert {one for one in FUNCTIONS if written.statements(one) != written.statements(one, **on)} == {
        "authority",
        "federate",
        "logout",
    }
    assert written.statements("authority") == []
    assert not [one for one in written.statements("federate") if "callback#*" in one.leading_keys]


def test_where_no_devices_are_authorized_nobody_may_do_anything_for_them(written: Written) -> None:
    on_and_off = {one for one in FUNCTIONS if written.statements(one) != written.statements(one, **DEVICE)}
    assert on_and_off == {"device", "device_authorization", "login", "consent", "token"}
    for function in FUNCTIONS:
        assert not [one for one in written.statements(function) if "device#*" in one.leading_keys]
    assert written.statements("device_authorization") == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_and_does_the_same_where_there_are_api_keys(
    function: str, recorded_with_api_keys: list[Call], written: Written
) -> None:
    statements = written.statements(function, **API_KEYS)
    assert missing(function, recorded_with_api_keys, statements) == set()
    assert unused(function, recorded_with_api_keys, statements) == set()


def test_who_checks_api_keys_writes_nothing_of_them_but_when_they_were_used(written: Written) -> None:
    writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    for function in ("authorizer", "introspect"):
        statements = [one for one in written.statements(function, **API_KEYS) if "api_key#*" in one.leading_keys]
        assert [one.attributes for one in statements if set(one.actions) & writes] == [("pk", "v", "used_at")]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_and_does_the_same_where_clients_come_of_documents(
    function: str, recorded_with_documents: list[Call], written: Written
) -> None:
    statements = written.statements(function, **DOCUMENTS)
    assert missing(function, recorded_with_documents, statements) == set()
    assert unused(function, recorded_with_documents, statements) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_and_does_the_same_where_refresh_tokens_come_over_from_another_system(
    function: str, recorded_with_bridge: list[Call], written: Written
) -> None:
    statements = written.statements(function, **BRIDGE)
    assert missing(function, recorded_with_bridge, statements) == set()
    assert unused(function, recorded_with_bridge, statements) == set()


def test_two_functions_may_ask_the_bridge_and_only_where_there_is_one(written: Written) -> None:
    assert {one for one in FUNCTIONS if written.statements(one) != written.statements(one, **BRIDGE)} == {
        "token",
        "refresh",
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_and_does_the_same_where_there_is_a_token_hook(
    function: str, recorded_with_hook: list[Call], written: Written
) -> None:
    statements = written.statements(function, **LEGACY, **HOOK)
    assert missing(function, recorded_with_hook, statements) == set()
    assert unused(function, recorded_with_hook, statements) == set()


def test_the_token_hook_is_invoked_by_those_who_issue_and_only_where_there_is_one(written: Written) -> None:
    """The implicit grant issues at the authorization endpoint."""

    def invokers(**parameters: str) -> set[str]:
        return {
            function
            for function in FUNCTIONS
            for statement in written.statements(function, **parameters)
            if "TokenHook" in statement.resources and statement.actions == ("lambda:InvokeFunction",)
        }

    assert invokers(**LEGACY, **MAIL, **DOCUMENTS, **DEVICE) == set()
    assert invokers(**HOOK) == {"token", "refresh", "userinfo"}
    assert invokers(**HOOK, **LEGACY) == {"token", "refresh", "userinfo", "authorize", "consent"}


@pytest.fixture(scope="session")
def recorded_with_webhooks(shared_world: World, recorded: list[Call]) -> list[Call]:
    return recorded + record(shared_world, WEBHOOK_FLOWS)


@pytest.mark.parametrize("function", ["admin", "deliver"])
def test_function_may_and_does_the_same_where_there_are_webhooks(
    function: str, recorded_with_webhooks: list[Call], written: Written
) -> None:
    statements = written.statements(function, **WEBHOOKS)
    assert missing(function, recorded_with_webhooks, statements) == set()
    by_lambda = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}  # in the function's name
    found = unused(function, recorded_with_webhooks, statements)
    assert found == {one for one in found if one[:2] in {(action, "WebhookDeliveries") for action in by_lambda}}


def test_who_publishes_events_to_webhooks_reads_which_there_are(
    recorded_with_webhooks: list[Call], written: Written
) -> None:
    statements = written.statements("publish", **WEBHOOKS)
    more = [one for one in statements if one not in written.statements("publish", Events="On")]
    assert {(one.actions, one.resources, one.leading_keys) for one in more} == {
        (("dynamodb:GetItem",), ("ConfigurationTable",), ("webhooks",)),
        (("sqs:SendMessage",), ("WebhookDeliveries",), ()),
    }
    assert unused("publish", recorded_with_webhooks, more) == set()


def test_without_webhooks_nobody_may_do_anything_for_them(written: Written) -> None:
    assert written.statements("deliver", Events="On") == []
    for function in FUNCTIONS:
        statements = written.statements(function, Events="On")
        assert not [one for one in statements if "webhooks" in one.leading_keys or "webhook" in one.rings]
        assert not [one for one in statements if set(one.resources) & {"WebhookDeliveries", "WebhookDeadLetters"}]


def test_the_canary_may_and_does_the_same(shared_world: World, written: Written) -> None:
    calls = record(shared_world, {"canary": look_as_each_client_of_the_canary})
    statements = written.statements("canary", **CANARY)
    assert missing("canary", calls, statements) == set()
    assert unused("canary", calls, statements) == set()
    assert {one for one in FUNCTIONS if written.statements(one) != written.statements(one, **CANARY)} == {"canary"}


def test_who_seals_the_audit_may_and_does_the_same(shared_world: World, written: Written) -> None:
    """Only that function puts links, and it puts nothing else; without AuditChain no function does."""
    calls = record(shared_world, {"seal": seal_as_deployed})
    statements = [one for one in written.statements("seal", **ARCHIVE) if one.resources[0] in ("AuditTable", BY_DAY)]
    assert missing("seal", calls, statements) == set()
    assert unused("seal", calls, statements) == set()
    assert written.statements("seal") == []
    with_archive = {one for one in FUNCTIONS if written.statements(one) != written.statements(one, **ARCHIVE)}
    assert with_archive == {"seal"}


def test_who_fetches_documents_of_strangers_may_keep_and_count_them_and_nothing_else(written: Written) -> None:
    statements = written.statements("documents", **DOCUMENTS)
    actions = {(action, one.resources, one.leading_keys) for one in statements for action in one.actions}
    written_by_it = {one for one in actions if one[0] not in ("dynamodb:GetItem", "dynamodb:BatchGetItem")}
    assert written_by_it == {
        ("dynamodb:PutItem", ("TokensTable",), ("document#*",)),
        ("dynamodb:UpdateItem", ("TokensTable",), ("throttle#documents#*",)),
    }
    read_by_it = {(resources, keys) for _, resources, keys in actions - written_by_it}
    assert read_by_it == {
        (("TokensTable",), ("document#*",)),
        (("TokensTable",), ("deployment#*",)),
        (("ConfigurationTable",), ("scopes",)),
    }


@pytest.mark.parametrize("function", ["token", "refresh"])
def test_who_issues_tokens_may_read_of_a_user_what_tokens_tell_and_no_hash_of_a_password(
    function: str, written: Written
) -> None:
    reading = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"}
    of_users = [
        one
        for one in written.statements(function)
        if reading & {*one.actions} and "UsersTable" in one.resources and "membership#*" not in one.leading_keys
    ]
    assert [one.leading_keys for one in of_users] == [("user#*",)]
    assert of_users[0].actions == ("dynamodb:GetItem",)
    assert of_users[0].attributes == ("id", *TOLD_FIELDS)
    assert "password_hash" not in of_users[0].attributes
    # Without this, a read that names no attributes has all of them.
    assert of_users[0].condition["StringEqualsIfExists"] == {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}


def test_where_no_documents_are_taken_nobody_may_read_those_of_clients(written: Written) -> None:
    for function in set(FUNCTIONS) - {"documents", "admin"}:
        keys = {key for statement in written.statements(function) for key in statement.leading_keys}
        assert "document#client#*" not in keys


def test_where_no_mails_are_sent_nobody_may_do_anything_for_them(written: Written) -> None:
    assert written.statements("mail") == []
    for function in FUNCTIONS:
        statements = written.statements(function)
        assert not {action for statement in statements for action in statement.actions} & {"ses:SendEmail"}
        assert not {resource for statement in statements for resource in statement.resources} & {"MailFunction"}


def test_one_function_sends_mails_and_from_one_address(written: Written) -> None:
    senders = {
        function: statement
        for function in FUNCTIONS
        for statement in written.statements(function, **MAIL)
        if any(action.startswith("ses:") for action in statement.actions)
    }
    assert set(senders) == {"mail"}
    assert senders["mail"].condition == {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}}


def test_who_publishes_events_reads_streams_tells_the_bus_and_names_what_is_left(written: Written) -> None:
    """No other function may read a stream; without events, none may do anything for them."""
    tables = ("ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable")
    streams = tuple(f"{table}/stream/*" for table in tables)
    given = {(one.actions, one.resources) for one in written.statements("publish", Events="On")}
    reads = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
    assert given == {
        (reads, streams),
        (("events:PutEvents",), ("EventBus",)),
        (("sqs:SendMessage",), ("EventDeadLetters",)),
    }
    assert written.statements("publish") == []
    for function in FUNCTIONS:
        others = written.statements(function, Events="On") if function != "publish" else []
        assert not [one for one in others if set(one.resources) & set(streams) or "events:PutEvents" in one.actions]


@pytest.mark.parametrize(
    ("bus", "arn"),
    [
        ("default", "arn:aws:events:eu-central-1:123456789012:event-bus/default"),
        (*["arn:aws:events:us-east-1:210987654321:event-bus/central"] * 2,),
    ],
)
def test_the_bus_is_the_one_that_the_parameter_names(bus: str, arn: str, written: Written) -> None:
    chosen = choose_parameters(written.template["Parameters"], {"Events": "On", "EventBus": bus}, {})
    resolver = Resolver(chosen, written.template["Conditions"], "123456789012")
    statements = written.of_type("AWS::Serverless::Function")["PublishFunction"]["Policies"][0]["Statement"]
    [resource] = [one["Resource"] for one in statements if one["Action"] == "events:PutEvents"]
    assert resolver.resolve(resource, "bus") == arn


def test_functions_invoke_no_other_than_those_that_take_orders(written: Written) -> None:
    invoked = {
        (function, statement.actions, statement.resources)
        for function in FUNCTIONS
        for statement in written.statements(function, **MAIL, **DOCUMENTS, **DEVICE)
        if any(action.startswith("lambda:") for action in statement.actions)
    }
    assert {(actions, resources) for _, actions, resources in invoked} == {
        (("lambda:InvokeFunction",), ("MailFunction",)),
        (("lambda:InvokeFunction",), ("EraseFunction",)),
        (("lambda:InvokeFunction",), ("DocumentsFunction",)),
    }
    assert {function for function, _, resources in invoked if resources == ("DocumentsFunction",)} == {
        *("authorize", "token", "refresh", "revoke", "introspect", "device_authorization")
    }
    assert {function for function, _, resources in invoked if resources == ("EraseFunction",)} == {"admin", "my"}


def test_where_people_may_not_delete_their_account_its_pages_may_and_do_the_same(
    recorded_by_flow: dict[str, list[Call]], written: Written
) -> None:
    others = [name for name, perform in FLOWS.items() if perform.__module__ != erasure_flows.__name__]
    calls = [call for name in others for call in recorded_by_flow[name]]
    assert len(others) < len(FLOWS)
    statements = written.statements("my", AccountDeletion="Forbidden")
    assert missing("my", calls, statements) == set()
    assert unused("my", calls, statements) == set()


def test_where_people_may_not_delete_their_account_its_pages_cannot(written: Written) -> None:
    on, off = written.statements("my"), written.statements("my", AccountDeletion="Forbidden")

    def may(statements: list[Statement], action: str, *keys: str) -> bool:
        return any(action in one.actions and set(keys) & set(one.leading_keys) for one in statements)

    for action, key in (("dynamodb:DeleteItem", "user#*"), ("dynamodb:PutItem", "erasure#*")):
        assert (may(on, action, key), may(off, action, key)) == (True, False)
    assert not [one for one in off if "EraseFunction" in one.resources]


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
                names = {"ForAllValues:StringLike", *(["ForAllValues:StringEquals"] if statement.attributes else [])}
                assert set(statement.condition) == names
                assert statement.leading_keys
                assert all(pattern.endswith("#*") and pattern.count("*") == 1 for pattern in statement.leading_keys)


def who_makes_operators(written: Written, **parameters: str) -> set[str]:
    """The functions that may write the mark by which scopes that only operators grant are worth something."""
    return {
        function
        for function in FUNCTIONS
        for one in written.statements(function, **parameters)
        if "dynamodb:UpdateItem" in one.actions and "end#subject#*" in one.leading_keys
        if not one.attributes or "operator" in one.attributes
    }


def test_only_operators_make_operators(written: Written) -> None:
    """The pages of people who delete their account take the mark away."""
    assert who_makes_operators(written, **MAIL) == {"admin", "my"}
    assert who_makes_operators(written, AccountDeletion="Forbidden", **MAIL) == {"admin"}


def test_who_knows_keys_looks_whether_one_was_withdrawn(written: Written) -> None:
    def reads(function: str, table: str, key: str = "") -> bool:
        statements = written.statements(function, Registration="Open", **MAIL)
        found = [one for one in statements if table in one.resources and (not key or key in one.leading_keys)]
        return any({"dynamodb:GetItem", "dynamodb:BatchGetItem"} & set(one.actions) for one in found)

    know = {function for function in FUNCTIONS if reads(function, "KeysTable")} - {"rotate_keys"}
    assert {function for function in know if not reads(function, "TokensTable", "deployment#*")} == set()


def test_only_those_who_make_keys_may_wrap_them(written: Written) -> None:
    wrappers = {
        function
        for function in FUNCTIONS
        for statement in written.statements(function)
        if "kms:Encrypt" in statement.actions
    }
    assert wrappers == {"rotate_keys", "authorize", "token", "admin", "my", "developer", "organisations"}
    for function, rings in (("my", {"token", "factor"}), ("developer", {"token"}), ("organisations", {"token", "idp"})):
        own = [one.rings for one in written.statements(function) if "kms:Encrypt" in one.actions]
        assert {ring for each in own for ring in each} == rings


def test_who_makes_keys_of_some_rings_may_put_those_rings_alone(written: Written) -> None:
    """A ring has the public keys that tokens are verified with, which no wrapping protects."""
    everything = {**LEGACY, **DEVICE, **API_KEYS, **BRIDGE, **PLACEOS}
    for function in sorted(set(FUNCTIONS) - {"rotate_keys", "admin"}):
        statements = written.statements(function, **everything)
        puts = [one for one in statements if "KeysTable" in one.resources and "dynamodb:PutItem" in one.actions]
        wraps = {ring for one in statements if "kms:Encrypt" in one.actions for ring in one.rings}
        assert all(one.leading_keys for one in puts), function
        assert {ring for one in puts for ring in one.leading_keys} <= wraps, function


def test_the_first_request_of_a_deployment_may_be_to_any_path(shared_world: World, written: Written) -> None:
    """It makes the keys that it needs: the schedule that rotates them has not run yet, or will in a day."""
    assert shared_world.stack.http_api
    gateway = Gateway(shared_world)
    paths = [path for path in shared_world.stack.http_api.body["paths"] if not path.startswith("/{")]
    for path in paths:
        shared_world.reset()
        shared_world.restore(shared_world.unborn)
        with shared_world.starting_anew():
            shared_world.aws.calls.clear()
            assert gateway.send("GET", re.sub(r"\{[^}]*\}", "x", path)).status < 500, path
        calls = [part for call in shared_world.aws.calls for part in call.parts]
        for function in {call.function for call in calls}:
            assert missing(function, calls, written.statements(function)) == set(), path


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
    given = {(one.actions, one.resources, one.leading_keys) for one in written.statements("metadata")}
    assert given == {
        (("dynamodb:GetItem",), ("KeysTable",), ()),
        (("dynamodb:GetItem",), ("ConfigurationTable",), ("scopes", "resources")),
        (("dynamodb:BatchGetItem",), ("TokensTable",), ("deployment#*",)),
    }


def test_every_read_is_strongly_consistent(recorded: list[Call]) -> None:
    """Users, clients, tokens and keys alike: the schema's word, and the law of `storage`."""
    reads = [call for call in recorded if call.operation in ("GetItem", "BatchGetItem")]
    tables = {"ClientsTable", "UsersTable", "TokensTable", "KeysTable", "ConfigurationTable", "AuditTable"}
    assert {call.table for call in reads} == tables
    assert all(call.consistent for call in reads)
