"""Every reason that the code can log counts as something, and docs/operations/on-call.md says what it means."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from authserver.aws.log import OUTCOMES, outcome_of
from authserver.grants import authorization_code, client_credentials, device_code, password, refresh_token
from scripts.on_call import REASONS

ROOT = Path(__file__).parent.parent.parent
GRANTS = (authorization_code, client_credentials, device_code, password, refresh_token)

# What is raised within, and logged behind something that says where: the exception's reason is a part of the line's.
BEHIND = {
    "SignInFailed": ("federation_",),
    "_problem": ("federation_",),
    "NotAToken": ("jwt_", "assertion_", "id_token_hint_", "federation_id_token_"),
    "FetchFailed": (
        "federation_discovery_",
        "federation_token_",
        "federation_jwks_",
        "federation_userinfo_",
        "document_",
    ),
    "Unusable": ("document_", "key_set_"),
    "Unanswered": ("bridge_", "token_hook_"),
}
# What is logged by no name at all, since `dynamodb_unreachable` and the like stand for it.
WITHIN = {"Unreachable", "TransportFault", "Unsupported"}
# What is no constant, by how it is written, and what it comes to.
COMPUTED = {
    "f'dynamodb_{refused.code or 'error'}'": ("dynamodb_error", "dynamodb_ThrottlingException"),
    "f'kms_{operation.lower()}'": ("kms_encrypt", "kms_decrypt"),
    "f'ses_{code}'": ("ses_MessageRejected",),
    "f'document_{error}'": ("document_budget", "document_not_carried_out", "document_contended", "document_missing"),
    "f'key_set_{error}'": ("key_set_budget", "key_set_not_carried_out", "key_set_contended", "key_set_missing"),
    "f'jwt_{error.reason}'": (),
    "f'id_token_hint_{error.reason}'": (),
    "f'assertion_{refusal.reason}'": (),
    "f'bridge_{unanswered.reason}'": (),
    "f'token_hook_{unanswered.reason}'": (),
    "f'federation_{reason}'": (),
    "f'token_{failure.reason}'": (),
    "f'id_token_{error.reason}'": (),
    "f'userinfo_{failure.reason}'": (),
    "f'{what}_{failure.reason}'": (),
    "f'{name}_missing'": tuple(f"{name}_missing" for grant in GRANTS for name in grant.PARAMETERS),
    "f'{page}_over'": ("recover_over", "verify_over"),
    "f'device_{status}'": ("device_400",),
    "_reason('login', page.status)": ("login_page", "login_400", "login_401", "login_403"),
    "_reason('code', page.status)": ("code_page", "code_400", "code_401"),
    "f'goto_{message.page.partition('/')[0]}'": ("goto_login", "goto_consent"),
    "unusable.faults[0][0].partition('.')[0]": (),  # the name of a member, behind document_
    "type(error).__name__": (),  # of a JOSE library, behind assertion_ or federation_id_token_
    "what": (),  # header or content, of a token
    "_consent(resumed, session, services)": (),  # of another `_page`
    "_page(form)": (),
    "carry_out(order)": (),  # of `write_letter` and the mail function
    "TOKEN_MISSING": ("token_missing",),
    "REASON": (),  # of the canary's acts, in the audit
}


@cache
def trees() -> dict[Path, ast.Module]:
    """The code by file, read when a test first asks: every worker collects this file, and one runs it."""
    return {
        path: ast.parse(path.read_text())
        for folder in ("layers/core/authserver", "functions")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def positions() -> dict[str, set[int]]:
    """Where the argument `reason` is, of all that has one by name."""
    found: dict[str, set[int]] = {}
    for node in (node for tree in trees().values() for node in ast.walk(tree)):
        match node:
            case ast.FunctionDef(name=name) if name != "__init__":
                _note(found, name, [one.arg for one in node.args.args])
            case ast.ClassDef(name=name, body=body):
                _note(found, name, [_field(one) for one in body if _field(one)])
                for one in body:
                    if isinstance(one, ast.FunctionDef) and one.name == "__init__":
                        _note(found, name, [argument.arg for argument in one.args.args])
    return found


def _field(node: ast.stmt) -> str:
    """The field of a record that a statement declares, empty if it declares none."""
    return node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else ""


def _note(found: dict[str, set[int]], name: str, arguments: list[str]) -> None:
    own = arguments[1:] if arguments[:1] in (["self"], ["cls"]) else arguments
    if "reason" in own:
        found.setdefault(name, set()).add(own.index("reason"))


def given() -> Iterator[tuple[str, ast.expr]]:
    """Each expression that is given as a reason, with the name of what it is given to."""
    where = positions()
    for path, tree in trees().items():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=function):
                    name = getattr(function, "attr", "") or getattr(function, "id", "")
                    named = [one.value for one in node.keywords if one.arg == "reason"]
                    placed = [node.args[at] for at in where.get(name, ()) if at < len(node.args) and not named]
                    yield from ((name, value) for value in named + placed)
                case ast.Assign(targets=[ast.Name(id="reason")], value=value):
                    yield path.stem, value
                case ast.Assign(
                    targets=[ast.Tuple(elts=[ast.Name(id="status"), ast.Name(id="reason")])],
                    value=ast.Tuple(elts=[_, value]),
                ):
                    yield path.stem, value
                case ast.AnnAssign(target=ast.Name(id="reason"), value=ast.Constant() as value):
                    yield path.stem, value
                case ast.arguments(kwonlyargs=names, kw_defaults=defaults) if any(one.arg == "reason" for one in names):
                    yield from (
                        (path.stem, default)
                        for one, default in zip(names, defaults, strict=True)
                        if one.arg == "reason" and default is not None
                    )
                case ast.FunctionDef(name="lambda_handler" | "write_letter", body=body):
                    yield from (
                        (path.stem, one.value)
                        for statement in body
                        for one in ast.walk(statement)
                        if isinstance(one, ast.Return) and isinstance(one.value, ast.Constant) and one.value.value
                    )


def parts(value: ast.expr) -> Iterator[ast.expr]:
    """What an expression may come to."""
    match value:
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*parts(body), *parts(orelse))
        case ast.BoolOp(values=values):
            yield from (part for one in values for part in parts(one))
        case _:
            yield value


def is_passed_on(value: ast.expr) -> bool:
    """Whether it is the reason of something else, which is looked at there."""
    names = {"reason", "error", "message", "username", "model", "faults", "decisive", "client", "consent"}
    match value:
        case ast.Attribute(attr="reason" | "error" | "username"):
            return True
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Name(id="_flawed" | "_fault_of")):
            return True
    return False


def reasons() -> Iterator[str]:
    for name, value in ((name, part) for name, whole in given() for part in parts(whole)):
        if name in WITHIN or is_passed_on(value):
            continue
        if isinstance(value, ast.Constant):
            if value.value:
                yield from (behind + str(value.value) for behind in BEHIND.get(name, ("",)))
            continue
        written = ast.unparse(value)
        assert written in COMPUTED, f"{written} is given to {name} as a reason: say here what it comes to"
        yield from COMPUTED[written]


@cache
def all_reasons() -> list[str]:
    return sorted(set(reasons()))


def test_reasons_are_found() -> None:
    assert {"ok", "code_replayed", "refresh_reused", "jwt_signature", "federation_id_token_nonce", "sent"} <= set(
        all_reasons()
    )
    assert len(all_reasons()) > 300


def is_of_a_family(reason: str) -> bool:
    """Whether a part of it is told by somebody else, so that a name of its own cannot be asked for."""
    behind = tuple(one for some in BEHIND.values() for one in some if one)
    computed = {one for some in COMPUTED.values() for one in some}
    return reason.startswith(behind) or reason in computed


def test_each_reason_counts_as_something() -> None:
    """By its own name, or by that of its family where it has one."""
    unknown = [
        reason
        for reason in all_reasons()
        if reason not in OUTCOMES
        and not (is_of_a_family(reason) and any(f"{reason[:at]}*" in OUTCOMES for at in range(len(reason))))
    ]
    assert unknown == []


def test_a_reason_that_nobody_listed_is_a_bug() -> None:
    assert outcome_of("never_heard_of") == outcome_of("") == "bug"
    assert outcome_of("kms_sign") == "dependency"
    assert outcome_of("federation_id_token_nonce") == "security"
    assert outcome_of("federation_id_token_exp") == "refused"


def test_the_page_for_those_on_call_says_what_each_means() -> None:
    assert {reason: one.outcome for reason, one in REASONS.items()} == OUTCOMES


def test_nothing_is_listed_that_no_code_says() -> None:
    said = {reason for reason in OUTCOMES if reason in all_reasons()}
    families = {reason for reason in OUTCOMES if reason.endswith("_*")}
    counted = {outcome_of(one) for one in all_reasons()}
    assert counted == {"ok", "client_error", "refused", "security", "dependency", "bug"}
    assert set(OUTCOMES) - said - families == set()
    for family in families:
        assert any(reason.startswith(family[:-1]) for reason in all_reasons()), family


def test_security_matters_are_few_enough_to_be_metrics_of_their_own() -> None:
    assert sum(outcome == "security" for outcome in OUTCOMES.values()) <= 30
    assert not [reason for reason, outcome in OUTCOMES.items() if outcome == "security" and reason.endswith("*")]
