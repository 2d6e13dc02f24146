"""Each command makes the request that the admin API documents, and asks first where nothing brings it back."""

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from authserver.management import Operation
from authserver.management.admin.operations import OPERATIONS
from tests.cli.conftest import Run
from tests.cli.deployment import FakeDeployment

type Expected = tuple[str, str, Any]

COMMANDS: dict[str, Expected] = {
    "clients show c/1": ("GET", "/admin/clients/c%2F1", None),
    "clients create Web --redirect-uri https://a.example/ --redirect-uri https://b.example/ --scope read": (
        "POST",
        "/admin/clients",
        {"client_name": "Web", "redirect_uris": ["https://a.example/", "https://b.example/"], "scope": "read"},
    ),
    "clients create Phone --public --id phone": (
        "POST",
        "/admin/clients",
        {"client_name": "Phone", "token_endpoint_auth_method": "none", "client_id": "phone"},
    ),
    "clients update c --name New --set access_token_lifetime=600 --set client_uri=": (
        "PATCH",
        "/admin/clients/c",
        {"client_name": "New", "access_token_lifetime": 600, "client_uri": None},
    ),
    "clients delete c --yes": ("DELETE", "/admin/clients/c", None),
    "clients disable c --yes": ("PATCH", "/admin/clients/c", {"status": "disabled"}),
    "clients enable c": ("PATCH", "/admin/clients/c", {"status": "active"}),
    "clients verify c": ("PATCH", "/admin/clients/c", {"verification": "verified"}),
    "clients verify c --undo": ("PATCH", "/admin/clients/c", {"verification": "test"}),
    "clients rotate-secret c": ("POST", "/admin/clients/c/secrets", {"overlap": 86400}),
    "clients rotate-secret c --overlap 7d": ("POST", "/admin/clients/c/secrets", {"overlap": 604800}),
    "clients rotate-secret c --overlap 0 --yes": ("POST", "/admin/clients/c/secrets", {"overlap": 0}),
    "clients drop-secret c 1 --yes": ("DELETE", "/admin/clients/c/secrets/1", None),
    "clients invite --uses 5 --lifetime 7d": (
        "POST",
        "/admin/initial-access-tokens",
        {"uses": 5, "lifetime": 604800},
    ),
    "clients revoke-invite i --yes": ("DELETE", "/admin/initial-access-tokens/i", None),
    "clients revoke-registration-token c --yes": ("DELETE", "/admin/clients/c/registration-access-token", None),
    "users show s": ("GET", "/admin/users/s", None),
    "users create alice --email a@b.example --email-verified --no-operator": (
        "POST",
        "/admin/users",
        {"username": "alice", "email": "a@b.example", "email_verified": True, "operator": False},
    ),
    "users update s --name Alice --email-unverified": (
        "PATCH",
        "/admin/users/s",
        {"name": "Alice", "email_verified": False},
    ),
    "clients document https://a.example/c.json": (
        "GET",
        "/admin/client-documents/https%3A%2F%2Fa.example%2Fc.json",
        None,
    ),
    "clients block https://a.example/c.json --yes": (
        "PATCH",
        "/admin/client-documents/https%3A%2F%2Fa.example%2Fc.json",
        {"status": "disabled"},
    ),
    "clients unblock https://a.example/c.json": (
        "PATCH",
        "/admin/client-documents/https%3A%2F%2Fa.example%2Fc.json",
        {"status": "active"},
    ),
    "users set-password s": ("PUT", "/admin/users/s/password", {"password": "from stdin"}),
    "users factors s": ("GET", "/admin/users/s/factors", None),
    "users remove-factors s --yes": ("DELETE", "/admin/users/s/factors", None),
    "users forget-consent s c/1 --yes": ("DELETE", "/admin/users/s/consents/c%2F1", None),
    "users disable s --yes": ("PATCH", "/admin/users/s", {"status": "disabled"}),
    "users enable s": ("PATCH", "/admin/users/s", {"status": "active"}),
    "users link s --issuer https://i.example --subject 1": (
        "POST",
        "/admin/users/s/identities",
        {"issuer": "https://i.example", "subject": "1"},
    ),
    "users unlink s i/1 --yes": ("DELETE", "/admin/users/s/identities/i%2F1", None),
    "users withdraw-link s l --yes": ("DELETE", "/admin/users/s/links/l", None),
    "users delete s --yes": ("DELETE", "/admin/users/s", None),
    "orgs show o": ("GET", "/admin/organisations/o", None),
    "orgs create Wonderland": ("POST", "/admin/organisations", {"name": "Wonderland"}),
    "orgs create Wonderland --id w": ("POST", "/admin/organisations", {"name": "Wonderland", "id": "w"}),
    "orgs update o --name Oz": ("PATCH", "/admin/organisations/o", {"name": "Oz"}),
    "orgs disable o --yes": ("PATCH", "/admin/organisations/o", {"status": "disabled"}),
    "orgs enable o": ("PATCH", "/admin/organisations/o", {"status": "active"}),
    "orgs companies add o c --name Tea": ("PUT", "/admin/organisations/o/companies/c", {"name": "Tea"}),
    "orgs companies rename o c --name Mad": ("PUT", "/admin/organisations/o/companies/c", {"name": "Mad"}),
    "orgs delete o --yes": ("DELETE", "/admin/organisations/o", None),
    "orgs companies drop o c --yes": ("DELETE", "/admin/organisations/o/companies/c", None),
    "orgs members set o s --role administrator": (
        "PUT",
        "/admin/organisations/o/members/s",
        {"role": "administrator"},
    ),
    "orgs members set o s --role member --group a --group b": (
        "PUT",
        "/admin/organisations/o/members/s",
        {"role": "member", "groups": ["a", "b"]},
    ),
    "orgs members set o s --role member --group=": (
        "PUT",
        "/admin/organisations/o/members/s",
        {"role": "member", "groups": []},
    ),
    "orgs members remove o s --yes": ("DELETE", "/admin/organisations/o/members/s", None),
    "orgs invitations withdraw o i --yes": ("DELETE", "/admin/organisations/o/invitations/i", None),
    "scopes show openid": ("GET", "/admin/scopes/openid", None),
    "scopes set a:b --description See --implies a:c --implies a:d --sensitive --grantable-by operator": (
        "PUT",
        "/admin/scopes/a%3Ab",
        {"description": "See", "implies": ["a:c", "a:d"], "sensitive": True, "grantable_by": "operator"},
    ),
    "scopes delete a --yes": ("DELETE", "/admin/scopes/a", None),
    "idps show i": ("GET", "/admin/identity-providers/i", None),
    "idps create Google --issuer https://i.example --client-id x --client-secret --domain a.example": (
        "POST",
        "/admin/identity-providers",
        {
            "name": "Google",
            "issuer": "https://i.example",
            "client_id": "x",
            "domains": ["a.example"],
            "client_secret": "from stdin",
        },
    ),
    "idps update i --client-secret": ("PATCH", "/admin/identity-providers/i", {"client_secret": "from stdin"}),
    "idps update i --hidden --sign-up --organisation o": (
        "PATCH",
        "/admin/identity-providers/i",
        {"shown": False, "sign_up": True, "organisation": "o"},
    ),
    "idps update i --trusts-email": ("PATCH", "/admin/identity-providers/i", {"trusts_email": True}),
    "idps update i --set trusts_email=*": ("PATCH", "/admin/identity-providers/i", {"trusts_email": "*"}),
    "idps delete i --yes": ("DELETE", "/admin/identity-providers/i", None),
    "webhooks show w": ("GET", "/admin/webhooks/w", None),
    "webhooks create https://w.example/ --type user.* --type client.created --description Ours": (
        "POST",
        "/admin/webhooks",
        {"url": "https://w.example/", "types": ["user.*", "client.created"], "description": "Ours"},
    ),
    "webhooks update w --url https://v.example/": ("PATCH", "/admin/webhooks/w", {"url": "https://v.example/"}),
    "webhooks disable w": ("PATCH", "/admin/webhooks/w", {"status": "disabled"}),
    "webhooks enable w": ("PATCH", "/admin/webhooks/w", {"status": "active"}),
    "webhooks rotate-secret w": ("POST", "/admin/webhooks/w/secrets", {"overlap": 86400}),
    "webhooks rotate-secret w --overlap 0 --yes": ("POST", "/admin/webhooks/w/secrets", {"overlap": 0}),
    "webhooks test w": ("POST", "/admin/webhooks/w/test", None),
    "webhooks delete w --yes": ("DELETE", "/admin/webhooks/w", None),
    "resources show orders": ("GET", "/admin/resources/orders", None),
    "resources set orders --identifier https://o.example --scope a --scope b --route $default=": (
        "PUT",
        "/admin/resources/orders",
        {"identifier": "https://o.example", "scopes": ["a", "b"], "routes": {"$default": ""}},
    ),
    "resources delete orders --yes": ("DELETE", "/admin/resources/orders", None),
    "theme set --name Wonderland --accent #7a1f5c --radius 4 --font serif": (
        "PUT",
        "/admin/theme",
        {"name": "Wonderland", "accent": "#7a1f5c", "radius": 4, "font": "serif"},
    ),
    "theme show": ("GET", "/admin/theme", None),
    "theme reset --yes": ("DELETE", "/admin/theme", None),
    "authorizations show z": ("GET", "/admin/authorizations/z", None),
    "authorizations revoke z --yes": ("DELETE", "/admin/authorizations/z", None),
    "api-keys show k": ("GET", "/admin/api-keys/k", None),
    "api-keys end k --yes": ("DELETE", "/admin/api-keys/k", None),
    "api-keys create ERP --user s --org o --company one --scope read --network 192.0.2.0/24": (
        "POST",
        "/admin/api-keys",
        {
            "name": "ERP",
            "sub": "s",
            "organisation": "o",
            "entities": ["one"],
            "scope": ["read"],
            "networks": ["192.0.2.0/24"],
        },
    ),
    "keys rotate --yes": ("POST", "/admin/keys/rotation", {}),
    "keys withdraw k/1 --yes": ("POST", "/admin/keys/k%2F1/withdrawal", {}),
    # A thumbprint may begin with a hyphen, or two, and with the letter of an option.
    f"keys withdraw -2{'k' * 41} --yes": ("POST", f"/admin/keys/-2{'k' * 41}/withdrawal", {}),
    "keys withdraw -hQ3xv8_d2A --yes": ("POST", "/admin/keys/-hQ3xv8_d2A/withdrawal", {}),
    f"keys withdraw --yes -h{'k' * 41}": ("POST", f"/admin/keys/-h{'k' * 41}/withdrawal", {}),
    f"keys withdraw --{'k' * 41} -y": ("POST", f"/admin/keys/--{'k' * 41}/withdrawal", {}),
    "end-everything --yes": ("POST", "/admin/end-everything", {}),
}


@pytest.mark.parametrize("line", COMMANDS)
def test_command_makes_its_request(line: str, run: Run, deployment: FakeDeployment) -> None:
    result = run(*line.split(), stdin="from stdin\n")
    assert result.exit_code == 0, result.stderr
    (asked,) = deployment.asked
    method, path, body = COMMANDS[line]
    assert (asked.method, asked.path, asked.body or None) == (method, path, body or None)
    assert ("idempotency-key" in asked.headers) == (method == "POST")
    if body is not None:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        assert asked.headers["content-type"] == kind


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.endswith("--yes")])
def test_command_that_ends_something_is_not_done_unasked(line: str, run: Run, deployment: FakeDeployment) -> None:
    result = run(*line.removesuffix("--yes").split(), stdin="y\n")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert deployment.asked == []


@pytest.mark.parametrize("line", COMMANDS)
def test_dry_run_shows_the_request_and_makes_none(line: str, run: Run, deployment: FakeDeployment) -> None:
    result = run(*line.removesuffix("--yes").split(), "--dry-run", stdin="from stdin\n")
    assert result.exit_code == 0, result.stderr
    method, path, body = COMMANDS[line]
    assert result.stdout.startswith(f"{method} {path}\n")
    assert "from stdin" not in result.stdout
    if isinstance(body, dict) and not body.keys() & {"password", "client_secret"}:
        assert json.loads(result.stdout.partition("\n\n")[2]) == body
    assert (deployment.asked, deployment.tokens) == ([], 0)


LISTS: dict[str, tuple[str, dict[str, str]]] = {
    "clients list": ("/admin/clients", {}),
    "clients list --owner o": ("/admin/clients", {"owner": "o"}),
    "clients documents": ("/admin/client-documents", {}),
    "clients invites": ("/admin/initial-access-tokens", {}),
    "users list": ("/admin/users", {}),
    "users erasures": ("/admin/erasures", {}),
    "users consents s": ("/admin/users/s/consents", {}),
    "users identities s": ("/admin/users/s/identities", {}),
    "users links s": ("/admin/users/s/links", {}),
    "orgs list": ("/admin/organisations", {}),
    "orgs invitations list o": ("/admin/organisations/o/invitations", {}),
    "orgs members list o": ("/admin/organisations/o/members", {}),
    "scopes list": ("/admin/scopes", {}),
    "resources list": ("/admin/resources", {}),
    "idps list": ("/admin/identity-providers", {}),
    "webhooks list": ("/admin/webhooks", {}),
    "keys list": ("/admin/keys", {}),
    "audit list": ("/admin/audit", {}),
    "audit list --from 2026-11-01 --to 2026-11-01T00:01:00+00:00 --actor a --object client:c --act client.": (
        "/admin/audit",
        {"from": "1793491200", "to": "1793491260", "actor": "a", "object": "client:c", "act": "client."},
    ),
    "authorizations list --user s": ("/admin/authorizations", {"subject": "s"}),
    "authorizations list --client c": ("/admin/authorizations", {"client_id": "c"}),
    "api-keys list --client c": ("/admin/api-keys", {"client_id": "c"}),
    "authorizations list --org o": ("/admin/authorizations", {"organisation": "o"}),
}


@pytest.mark.parametrize("line", LISTS)
def test_list_goes_through_the_pages_as_far_as_it_is_asked_to(line: str, run: Run, deployment: FakeDeployment) -> None:
    path, query = LISTS[line]
    pages = [(200, {"items": [{"id": "1"}, {"id": "2"}], "next": "more"}), (200, {"items": [{"id": "3"}]})]

    deployment.answer("GET", path, *pages)
    everything = run(*line.split(), "--all", "--json")
    assert json.loads(everything.stdout) == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    assert [asked.query for asked in deployment.asked] == [
        {**query, "limit": "100"},
        {**query, "limit": "100", "cursor": "more"},
    ]

    deployment.answer("GET", path, *pages)
    some = run(*line.split(), "--limit", "2", "--json")
    assert json.loads(some.stdout) == [{"id": "1"}, {"id": "2"}]
    assert "There are more than 2" in some.stderr


@pytest.mark.parametrize("whose", [[], ["--user", "s", "--client", "c"]])
def test_everything_of_everybody_is_revoked_by_no_slip(whose: list[str], run: Run, deployment: FakeDeployment) -> None:
    assert run("authorizations", "revoke-all", "--yes", *whose).exit_code == 2
    assert deployment.asked == []
    assert run("authorizations", "revoke-all", "--yes", "--user", "s").exit_code == 0
    assert (deployment.asked[0].method, deployment.asked[0].query) == ("DELETE", {"subject": "s"})


@pytest.mark.parametrize(
    "line",
    [
        *("clients update c", "users update s", "orgs update o", "idps update i", "clients create", "users create"),
        *(
            "clients rotate-secret c --overlap soon",
            "clients update c --set name",
            "clients list --limit 0",
            "orgs members set o s --group guests",
            "nonsense",
        ),
    ],
)
def test_wrong_usage_is_told_and_asks_for_nothing(line: str, run: Run, deployment: FakeDeployment) -> None:
    assert run(*line.split()).exit_code == 2
    assert deployment.asked == []


def test_document_from_a_file_gives_way_to_options(run: Run, deployment: FakeDeployment) -> None:
    file = '{"client_name": "From the file", "scope": "read", "contacts": ["a@b.example"]}'
    line = ["clients", "create", "--from", "-", "--scope", "write", "--set", "contacts=[]"]
    assert run(*line, stdin=file).exit_code == 0
    assert deployment.asked[0].body == {"client_name": "From the file", "scope": "write", "contacts": []}


@pytest.mark.parametrize("content", ["", "no JSON", "[]", "1"])
def test_document_that_is_none_is_wrong_usage(content: str, run: Run, deployment: FakeDeployment) -> None:
    assert run("clients", "create", "--from", "-", stdin=content).exit_code == 2
    assert deployment.asked == []


def test_catalogue_that_was_exported_is_imported(run: Run, deployment: FakeDeployment, tmp_path: Any) -> None:
    own = {"name": "openid", "description": "Know you", "built_in": True}
    catalogue = [{"name": "read", "description": "Read", "built_in": False}, {"name": "a:b", "sensitive": True}]
    deployment.answer("GET", "/admin/scopes", (200, {"items": [own, *catalogue]}))
    file = tmp_path / "scopes.json"
    assert run("scopes", "export", str(file)).exit_code == 0
    deployment.asked.clear()
    assert run("scopes", "import", str(file)).stdout == "Defined 2 scopes.\n"
    assert [(asked.method, asked.path, asked.body) for asked in deployment.asked] == [
        ("PUT", "/admin/scopes/read", {"description": "Read"}),
        ("PUT", "/admin/scopes/a%3Ab", {"sensitive": True}),
    ]


def test_new_user_has_the_password_of_the_environment_or_of_stdin(run: Run, deployment: FakeDeployment) -> None:
    assert run("users", "create", "alice", "--password", AUTHSERVER_PASSWORD="from the environment").exit_code == 0
    assert run("users", "create", "bob", "--password", stdin="from stdin\r\n").exit_code == 0
    assert [asked.body["password"] for asked in deployment.asked] == ["from the environment", "from stdin"]
    assert run("users", "create", "carol", "--password").exit_code == 2
    assert len(deployment.asked) == 2


def test_help_of_every_command_has_an_example(run: Run) -> None:
    from authserver_cli.__main__ import main
    from authserver_cli.invocation import Command, Group

    def walk(group: Group, path: tuple[str, ...] = ()) -> None:
        for name, command in group.commands.items():
            if isinstance(command, Group):
                walk(command, (*path, name))
            elif isinstance(command, Command):
                helped = run(*path, name, "--help")
                assert helped.exit_code == 0
                assert " ".join(("authserver", *path, name)) in helped.stdout.partition("Examples:")[2], (path, name)

    assert isinstance(main, Group)
    walk(main)


def test_shells_are_told_how_to_complete(run: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_AUTHSERVER_COMPLETE" in run("completion", shell).stdout
    completed = run(_AUTHSERVER_COMPLETE="bash_complete", COMP_WORDS="authserver clients ro", COMP_CWORD="2")
    assert completed.exit_code in (0, 2)


# ------------------------------------------------------------------ the commands and the admin API


def operation_of(method: str, path: str) -> Operation | None:
    for operation in OPERATIONS:
        pattern = re.sub(r"\{\w+\}", "[^/]+", operation.route)
        if re.fullmatch(pattern, f"{method} {path}"):
            return operation
    return None


# What the admin API is going to have.
TO_COME = ("/admin/identity-providers", "/admin/users/s/identities", "/admin/initial-access-tokens")


@pytest.mark.parametrize("line", COMMANDS)
def test_request_of_a_command_is_one_that_the_admin_api_takes(line: str) -> None:
    method, path, body = COMMANDS[line]
    operation = operation_of(method, path)
    if operation is None:
        assert path.startswith(TO_COME)
    elif method == "PATCH":
        assert operation.body is not None
        assert set(body) <= set(operation.body.model_fields)
    elif operation.body is not None:
        operation.body.model_validate_json(json.dumps(body))


def test_every_operation_of_the_admin_api_has_a_command() -> None:
    """`revoke-all`, whose path is a list's, and `audit verify`, which reads two, have tests of their own."""
    made = [(method, path) for method, path, _ in COMMANDS.values()] + [("GET", path) for path, _ in LISTS.values()]
    made.append(("DELETE", "/admin/authorizations"))
    made += [
        ("GET", "/admin/audit/heads"),
        ("GET", "/admin/audit/links"),
    ]  # which tests/functions/test_runbooks follows
    reached = {operation.route for method, path in made if (operation := operation_of(method, path))}
    assert {operation.route for operation in OPERATIONS} == reached


@pytest.mark.parametrize(
    ("octets", "kind"), [(b"\x89PNG\r\n\x1a\n", "png"), (b"GIF89a", "gif"), (b"\xff\xd8\xff", "jpeg")]
)
def test_logo_goes_along_as_what_it_is(
    octets: bytes, kind: str, run: Run, deployment: FakeDeployment, tmp_path: Path
) -> None:
    picture = tmp_path / "whatever.svg"
    picture.write_bytes(octets)
    assert run("theme", "set", "--logo", str(picture)).exit_code == 0
    (asked,) = deployment.asked
    assert asked.body == {"logo": f"data:image/{kind};base64,{b64encode(octets).decode()}"}


@pytest.mark.parametrize("octets", [b"<svg/>", b"", b"\x89PNG\r\n\x1a\n" + bytes(6 * 1024)])
def test_logo_that_is_none_is_refused_here(octets: bytes, run: Run, deployment: FakeDeployment, tmp_path: Path) -> None:
    picture = tmp_path / "logo.png"
    picture.write_bytes(octets)
    result = run("theme", "set", "--logo", str(picture))
    assert result.exit_code == 2
    assert "6144 octets" in result.stderr
    assert not deployment.asked


def test_a_user_is_found_by_a_confirmed_address(run: Run, deployment: FakeDeployment) -> None:
    deployment.answer("GET", "/admin/users/a%40b.example", (404, {"title": "There is no such user", "status": 404}))
    deployment.answer("GET", "/admin/users", (200, {"items": [{"sub": "sub-of-a"}]}))
    assert run("users", "disable", "a@b.example", "--yes").exit_code == 0
    looked_for, found, changed = deployment.asked
    assert (looked_for.method, looked_for.path) == ("GET", "/admin/users/a%40b.example")
    assert (found.path, found.query) == ("/admin/users", {"login": "a@b.example", "limit": "100"})
    assert (changed.method, changed.path) == ("PATCH", "/admin/users/sub-of-a")


def test_an_identifier_with_an_at_sign_is_the_one_that_is_meant(run: Run, deployment: FakeDeployment) -> None:
    assert run("users", "delete", "a@b.example", "--yes").exit_code == 0
    assert [(asked.method, asked.path) for asked in deployment.asked] == [
        ("GET", "/admin/users/a%40b.example"),
        ("DELETE", "/admin/users/a%40b.example"),
    ]


def test_an_address_of_nobody_is_not_found(run: Run, deployment: FakeDeployment) -> None:
    deployment.answer("GET", "/admin/users/a%40b.example", (404, {"title": "There is no such user", "status": 404}))
    assert run("users", "delete", "a@b.example", "--yes").exit_code == 4
    assert {asked.method for asked in deployment.asked} == {"GET"}


EVENT = {
    "id": "019ad0e4-6000-7abc-8def-0123456789ab",
    "time": 1793491200,
    "act": "client.changed",
    "outcome": "done",
    "actor": {"kind": "user", "id": "sub-of-op", "client": "console"},
    "object": {"kind": "client", "id": "web", "organisation": None},
    "fields": ["scope"],
    "source": None,
    "request": None,
    "reason": None,
}


def test_the_audit_is_a_table_for_people_and_lines_of_json_for_programs(run: Run, deployment: FakeDeployment) -> None:
    pages = [(200, {"items": [EVENT], "next": "more"}), (200, {"items": [EVENT]})]
    deployment.answer("GET", "/admin/audit", *pages)
    table = run("audit", "list").stdout.splitlines()
    assert table[1].split("  ")[:5] == ["2026-11-01 00:00:00 UTC", "client.changed", "done", "", " user sub-of-op"]
    deployment.answer("GET", "/admin/audit", *pages)
    exported = run("audit", "export", "--act", "client.").stdout.splitlines()
    assert [json.loads(line) for line in exported] == [EVENT, EVENT]


def test_a_time_that_is_none_is_refused(run: Run) -> None:
    assert run("audit", "list", "--from", "yesterday").exit_code == 2
