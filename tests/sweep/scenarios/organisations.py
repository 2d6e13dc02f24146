"""Organisations: their companies and members, what they are offered, asked and have allowed."""

from tests.sweep.estate import Estate
from tests.sweep.kills import Act, Register
from tests.sweep.powers import named

scenario = Register()

OF_ACME = named("team of ", "alice: approval")
MEMBERS = named("alice: member", "bob: member", "ada: administrator", "abe: administrator")
# What goes with an organisation that is disabled, and comes back: bob signs in through its provider.
ENTRIES = MEMBERS | named("dev: invitation", "bob: identity")
ACME = "/account/organisations/acme"
TEAM_OF_ALICE, TEAM_OF_ADA = named("team of alice"), named("team of ada")


# ------------------------------------------------------------------ by operators


@scenario(
    "PATCH /admin/organisations/{organisation}",
    "an operator disables an organisation",
    takes=OF_ACME | ENTRIES | named("key of acme"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "PATCH", "/admin/organisations/acme", {"status": "disabled"})


@scenario(
    "PATCH /admin/organisations/{organisation}",
    "an operator enables an organisation",
    takes=frozenset(),
    gives=ENTRIES,
)
def _(estate: Estate) -> Act:
    estate.ask("op", "PATCH", "/admin/organisations/acme", {"status": "disabled"})
    return lambda: estate.ask("op", "PATCH", "/admin/organisations/acme", {"status": "active"})


@scenario(
    "DELETE /admin/organisations/{organisation}",
    "an operator deletes an organisation",
    takes=OF_ACME | ENTRIES | named("key of acme"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/organisations/acme")


@scenario(
    "DELETE /admin/organisations/{organisation}/companies/{company}",
    "an operator takes a company out",
    takes=named("team of alice: company a2", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/organisations/acme/companies/a2")


@scenario(
    "PUT /admin/organisations/{organisation}/members/{sub}",
    "an operator makes an administrator a member",
    takes=TEAM_OF_ADA | named("ada: administrator", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "PUT", "/admin/organisations/acme/members/sub-of-ada", {"role": "member"})


@scenario(
    "DELETE /admin/organisations/{organisation}/members/{sub}",
    "an operator ends the membership of a member",
    takes=TEAM_OF_ALICE | named("alice: member", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/organisations/acme/members/sub-of-alice")


@scenario(
    "DELETE /admin/organisations/{organisation}/members/{sub}",
    "an operator ends the membership of an administrator",
    takes=TEAM_OF_ADA | named("ada: administrator", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/organisations/acme/members/sub-of-ada")


@scenario(
    "DELETE /admin/organisations/{organisation}/invitations/{invitation}",
    "an operator takes an invitation back",
    takes=named("dev: invitation"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", f"/admin/organisations/acme/invitations/{estate.held.invitation}")


# ------------------------------------------------------------------ members, by administrators and by themselves


@scenario(
    "PUT /account/organisations/{organisation}/members/{sub}",
    "an administrator makes another a member",
    takes=TEAM_OF_ADA | named("ada: administrator", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("abe", "PUT", f"{ACME}/members/sub-of-ada", {"role": "member"})


@scenario(
    "PUT /account/organisations/{organisation}/members/{sub}",
    "an administrator becomes a member",
    takes=TEAM_OF_ADA | named("ada: administrator", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("ada", "PUT", f"{ACME}/members/sub-of-ada", {"role": "member"})


@scenario(
    "DELETE /account/organisations/{organisation}/members/{sub}",
    "an administrator removes a member",
    takes=TEAM_OF_ALICE | named("alice: member", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("abe", "DELETE", f"{ACME}/members/sub-of-alice")


@scenario(
    "DELETE /account/organisations/{organisation}/members/{sub}",
    "a member leaves",
    takes=TEAM_OF_ALICE | named("alice: member", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("alice", "DELETE", f"{ACME}/members/sub-of-alice")


@scenario(
    "DELETE /account/organisations/{organisation}/members/{sub}",
    "an administrator leaves",
    takes=TEAM_OF_ADA | named("ada: administrator", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("ada", "DELETE", f"{ACME}/members/sub-of-ada")


@scenario(
    "/organisations/{organisation}/members/{sub} role",
    "an administrator becomes a member, on the page",
    takes=TEAM_OF_ADA | named("ada: administrator", "alice: approval"),
)
def _(estate: Estate) -> Act:
    route = "/organisations/{organisation}/members/{sub}"
    page = estate.page(estate.held.cookies["ada"], route, organisation="acme", sub="sub-of-ada")
    return lambda: page.act("role", role="member")


@scenario(
    "/organisations/{organisation}/members/{sub} remove",
    "an administrator removes a member, on the page",
    takes=TEAM_OF_ALICE | named("alice: member", "alice: approval"),
)
def _(estate: Estate) -> Act:
    route = "/organisations/{organisation}/members/{sub}"
    page = estate.page(estate.held.cookies["ada"], route, organisation="acme", sub="sub-of-alice")
    return lambda: page.act("remove")


@scenario(
    "/organisations/{organisation} leave",
    "a member leaves, on the page",
    takes=TEAM_OF_ALICE | named("alice: member", "alice: approval"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["alice"], "/organisations/{organisation}", organisation="acme")
    return lambda: page.act("leave")


# ------------------------------------------------------------------ invitations


@scenario(
    "DELETE /account/organisations/{organisation}/invitations/{invitation}",
    "an administrator takes an invitation back",
    takes=named("dev: invitation"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("ada", "DELETE", f"{ACME}/invitations/{estate.held.invitation}")


@scenario(
    "/organisations/{organisation}/members withdraw",
    "an administrator takes an invitation back, on the page",
    takes=named("dev: invitation"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["ada"], "/organisations/{organisation}/members", organisation="acme")
    return lambda: page.act("withdraw", invitation=estate.held.invitation)


@scenario(
    "PUT /account/invitations/{invitation}",
    "somebody declines an invitation",
    takes=named("dev: invitation"),
)
def _(estate: Estate) -> Act:
    path = f"/account/invitations/{estate.held.invitation}"
    return lambda: estate.ask("dev", "PUT", path, {"decision": "decline"})


@scenario("/organisations decline", "somebody declines an invitation, on the page", takes=named("dev: invitation"))
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["dev"], "/organisations")
    return lambda: page.act("decline", invitation=estate.held.invitation)


@scenario("/organisations accept", "somebody accepts an invitation, on the page", takes=named("dev: invitation"))
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["dev"], "/organisations")
    return lambda: page.act("accept", invitation=estate.held.invitation)


# ------------------------------------------------------------------ what members asked for


@scenario(
    "PUT /account/organisations/{organisation}/approvals/{approval}",
    "an administrator denies what a member asked",
    takes=named("bob: question"),
)
def _(estate: Estate) -> Act:
    path = estate.approval_of("bob")
    return lambda: estate.ask("ada", "PUT", path, {"decision": "deny"})


@scenario(
    "/organisations/{organisation}/requests/{approval} deny",
    "an administrator denies what a member asked, on the page",
    takes=named("bob: question"),
)
def _(estate: Estate) -> Act:
    page = estate.page_of_request("ada", "bob")
    return lambda: page.act("deny")


@scenario(
    "/organisations/{organisation}/requests/{approval} allow",
    "an administrator allows what a member asked, on the page",
    takes=named("bob: question"),
)
def _(estate: Estate) -> Act:
    page = estate.page_of_request("ada", "bob")
    return lambda: page.act("allow")


@scenario(
    "DELETE /account/organisations/{organisation}/approvals/{approval}",
    "an administrator withdraws an approval",
    takes=TEAM_OF_ALICE | named("alice: approval"),
)
def _(estate: Estate) -> Act:
    path = estate.approval_of("alice")
    return lambda: estate.ask("ada", "DELETE", path)


@scenario(
    "DELETE /account/organisations/{organisation}/approvals/{approval}",
    "a member takes a question back",
    takes=named("bob: question"),
)
def _(estate: Estate) -> Act:
    path = estate.approval_of("bob")
    return lambda: estate.ask("bob", "DELETE", path)


@scenario(
    "/organisations/{organisation}/requests/{approval} withdraw",
    "an administrator withdraws an approval, on the page",
    takes=TEAM_OF_ALICE | named("alice: approval"),
)
def _(estate: Estate) -> Act:
    page = estate.page_of_request("ada", "alice")
    return lambda: page.act("withdraw")


# ------------------------------------------------------------------ applications


@scenario(
    "DELETE /account/organisations/{organisation}/applications/{client_id}",
    "an administrator disconnects an application",
    takes=OF_ACME,
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("ada", "DELETE", f"{ACME}/applications/team")


@scenario(
    "/organisations/{organisation}/apps/{client_id} disconnect",
    "an administrator disconnects an application, on the page",
    takes=OF_ACME,
)
def _(estate: Estate) -> Act:
    route = "/organisations/{organisation}/apps/{client_id}"
    page = estate.page(estate.held.cookies["ada"], route, organisation="acme", client_id="team")
    return lambda: page.act("disconnect")


@scenario(
    "PUT /account/organisations/{organisation}/authorizations/{id}/companies",
    "a member takes a company away from an application",
    takes=named("team of alice: company a2"),
)
def _(estate: Estate) -> Act:
    path = f"{ACME}/authorizations/{estate.authorization_of(estate.held.team)}/companies"
    return lambda: estate.ask("alice", "PUT", path, {"entities": ["a1"]})


@scenario(
    "/organisations/{organisation}/apps/{client_id} companies",
    "an administrator takes a company away from an application, on the page",
    takes=named("team of alice: company a2"),
)
def _(estate: Estate) -> Act:
    route = "/organisations/{organisation}/apps/{client_id}"
    page = estate.page(estate.held.cookies["ada"], route, organisation="acme", client_id="team")
    grant = estate.authorization_of(estate.held.team)
    return lambda: page.act("companies", grant=grant, entities=("a1",))


# ------------------------------------------------------------------ how its people sign in


@scenario(
    "PATCH /admin/identity-providers/{idp}",
    "an operator disables an identity provider",
    takes=named("bob: identity"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "PATCH", "/admin/identity-providers/work", {"status": "disabled"})


@scenario(
    "DELETE /admin/identity-providers/{idp}",
    "an operator removes an identity provider",
    takes=named("bob: identity"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/identity-providers/work")


@scenario(
    "/organisations/{organisation}/sign-in/{idp} change",
    "an administrator disables an identity provider, on the page",
    takes=named("bob: identity"),
)
def _(estate: Estate) -> Act:
    route = "/organisations/{organisation}/sign-in/{idp}"
    page = estate.page(estate.held.cookies["ada"], route, organisation="acme", idp="work")
    form = estate.form_of_provider()
    return lambda: page.act("change", **form)
