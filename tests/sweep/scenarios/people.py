"""Users: their passwords, what they sign in with besides, and whether they are here at all."""

from pyotp import TOTP

from authserver.endpoints.browsers.recover import recover
from authserver.endpoints.orders.erase import erase
from authserver.identity.second_factors import secret_of
from authserver.messages.site import Visit
from authserver.models.factors import Factors
from authserver.tokens.opaque import key_of
from authserver.values import base64url
from tests.fakes import PASSWORD
from tests.sweep.estate import NEW_PASSWORD, Estate
from tests.sweep.kills import Act, Register
from tests.sweep.powers import named

scenario = Register()

OF_ALICE = named("alice: browser", "alice: another", "alice: open", "alice: mailed", "alice: consent")
GRANTED_BY_ALICE = named("web of alice", "phone of alice", "team of alice")
GRANTED_BY_OP = named("console of op")


@scenario(
    "PUT /admin/users/{sub}/password",
    "an operator sets a password",
    takes=named("alice: password") | OF_ALICE | GRANTED_BY_ALICE,
    gives=named("alice: new password"),
)
def _(estate: Estate) -> Act:
    body = {"password": NEW_PASSWORD}
    return lambda: estate.ask("op", "PUT", "/admin/users/sub-of-alice/password", body)


@scenario(
    "/my/security/password change",
    "somebody changes the password",
    takes=named("alice: password") | OF_ALICE | GRANTED_BY_ALICE,
    gives=named("alice: new password"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["alice"], "/my/security/password")
    return lambda: page.act("change", current=PASSWORD, new=NEW_PASSWORD)


@scenario(
    "POST /recover/{link}",
    "somebody sets a password by a mailed link",
    takes=named("alice: password") | OF_ALICE | GRANTED_BY_ALICE,
    gives=named("alice: new password"),
)
def _(estate: Estate) -> Act:
    link = estate.held.reset_links["alice"]
    form = {"password": (NEW_PASSWORD,)}
    visit = Visit("POST", "/recover/{link}", f"recover/{link}", {"link": link}, form=form)
    return lambda: recover(visit, estate.services)


@scenario(
    "PATCH /admin/users/{sub}",
    "an operator disables a user",
    takes=named("alice: password", "alice: approval", "key of alice") | OF_ALICE | GRANTED_BY_ALICE,
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "PATCH", "/admin/users/sub-of-alice", {"status": "disabled"})


@scenario(
    "PATCH /admin/users/{sub}",
    "an operator enables a user",
    takes=frozenset(),
    gives=named("alice: password", "alice: approval"),
)
def _(estate: Estate) -> Act:
    estate.ask("op", "PATCH", "/admin/users/sub-of-alice", {"status": "disabled"})
    return lambda: estate.ask("op", "PATCH", "/admin/users/sub-of-alice", {"status": "active"})


@scenario(
    "PATCH /admin/users/{sub}",
    "an operator takes an operator's powers",
    takes=named("op: browser") | GRANTED_BY_OP,
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("ada", "PATCH", "/admin/users/sub-of-op", {"operator": False})


@scenario(
    "PATCH /admin/users/{sub}",
    "an operator changes an address that a link was sent to",
    takes=named("alice: mailed"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "PATCH", "/admin/users/sub-of-alice", {"email": "other@example.com"})


@scenario(
    "DELETE /admin/users/{sub}",
    "an operator removes a member",
    takes=named("alice: ", "key of alice") - named("alice: new password") | GRANTED_BY_ALICE,
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/users/sub-of-alice")


@scenario(
    "DELETE /admin/users/{sub}",
    "an operator removes an administrator",
    takes=named("ada: ", "team of ada", "alice: approval"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/users/sub-of-ada")


@scenario(
    "DELETE /admin/users/{sub}",
    "an operator removes somebody with factors",
    takes=named("tom: ") - named("tom: password alone"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/users/sub-of-tom")


@scenario(
    "/my/delete delete",
    "somebody deletes the own account",
    takes=named("ada: ", "team of ada", "alice: approval"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["ada"], "/my/delete")
    return lambda: page.act("delete", confirmation="ada")


@scenario(
    "function erase",
    "what names somebody who was deleted is removed",
    takes=named("alice: consent to web"),
)
def _(estate: Estate) -> Act:
    """Whose clients stay, and are verified no more."""
    estate.ask("op", "POST", "/admin/users", {"username": "gus", "sub": "sub-of-gus"})
    estate.ask("op", "PATCH", "/admin/clients/web", {"owner": "sub-of-gus"})
    estate.ask("op", "DELETE", "/admin/users/sub-of-gus")
    return lambda: erase("", lambda: True, estate.services)


# ------------------------------------------------------------------ second factors


@scenario(
    "DELETE /admin/users/{sub}/factors",
    "an operator removes all factors",
    takes=named("tom: ") - named("tom: password alone"),
    gives=named("tom: password alone"),
)
def _(estate: Estate) -> Act:
    return lambda: estate.ask("op", "DELETE", "/admin/users/sub-of-tom/factors")


@scenario(
    "/my/security/app remove",
    "somebody removes the authenticator app",
    takes=named("tom: code", "tom: recovery code", "tom: password typed"),
    gives=named("tom: password alone"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["tom"], "/my/security/app")
    return lambda: page.act("remove")


@scenario(
    "/my/security/app renew",
    "somebody makes other recovery codes",
    takes=named("tom: recovery code"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["tom"], "/my/security/app")
    factors = estate.services.factors.get(base64url(key_of("sub-of-tom")))
    assert factors is not None
    return lambda: page.act("renew", version=str(factors.version))


@scenario(
    "/my/security/app confirm",
    "somebody guards the account by an app",
    takes=named("alice: password"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["alice"], "/my/security/app")
    page.act("begin")
    factors = estate.services.factors.get(base64url(key_of("sub-of-alice")))
    code = TOTP(secret_of(factors or Factors(""), estate.services)).at(estate.clock())
    return lambda: page.act("confirm", code=code)


@scenario(
    "/my/security/passkeys remove",
    "somebody removes a passkey",
    takes=named("tom: passkey", "tom: password typed"),
)
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["tom"], "/my/security/passkeys")
    return lambda: page.act("remove", passkey=base64url(estate.passkey.id))


# ------------------------------------------------------------------ identities, and links in mails


@scenario(
    "DELETE /admin/users/{sub}/identities/{identity}",
    "an operator unlinks an identity",
    takes=named("bob: browser", "bob: identity", "bob: mailed", "web of bob"),
)
def _(estate: Estate) -> Act:
    identity = estate.identity_of_bob()
    return lambda: estate.ask("op", "DELETE", f"/admin/users/sub-of-bob/identities/{identity}")


@scenario(
    "/my/security/identities unlink",
    "somebody unlinks an identity",
    takes=named("bob: browser", "bob: identity", "bob: mailed", "web of bob"),
)
def _(estate: Estate) -> Act:
    identity = estate.identity_of_bob()
    page = estate.page(estate.held.cookies["bob"], "/my/security/identities")
    return lambda: page.act("unlink", identity=identity)


@scenario(
    "DELETE /admin/users/{sub}/links/{link}",
    "an operator takes a mailed link back",
    takes=named("alice: mailed"),
)
def _(estate: Estate) -> Act:
    link = estate.link_to("alice", "alice@example.com")
    return lambda: estate.ask("op", "DELETE", f"/admin/users/sub-of-alice/links/{link}")


@scenario(
    "/my/security/links withdraw",
    "somebody takes a mailed link back",
    takes=named("alice: mailed"),
)
def _(estate: Estate) -> Act:
    link = estate.link_to("alice", "alice@example.com")
    page = estate.page(estate.held.cookies["alice"], "/my/security/links")
    return lambda: page.act("withdraw", link=link)


@scenario(
    "DELETE /admin/users/{sub}/links/{link}",
    "an operator takes the link to another address back",
    takes=named("bob: mailed link to"),
)
def _(estate: Estate) -> Act:
    link = estate.link_to("bob", "bob@new.example")
    return lambda: estate.ask("op", "DELETE", f"/admin/users/sub-of-bob/links/{link}")


@scenario("/my/profile/email change", "somebody wants yet another address", takes=named("bob: mailed link to"))
def _(estate: Estate) -> Act:
    page = estate.page(estate.held.cookies["bob"], "/my/profile/email")
    return lambda: page.act("change", email="bob@other.example")


@scenario(
    "POST /verify/{link}",
    "somebody shows that another address is theirs",
    takes=named("bob: address", "bob: mailed") - named("bob: mailed link to"),
)
def _(estate: Estate) -> Act:
    visit = estate.verification(estate.held.cookies["bob"])
    return lambda: recover(visit, estate.services)
