"""Every page there is, and how a person comes to it. A new page is added here."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
from pyotp import TOTP

from tests.browser.visit import Tab, Window
from tests.flows.person import App, Person, demo_app

ALICE = ("alice", "wonderland-demo")
BOB = ("bob", "builder-demo")
CAROL = ("carol", "who has an app")
DAVE = ("dave", "who has an app, too")
ERIN = ("erin", "who changes her address")
FAY = ("fay", "who goes for good")
OPERATOR = ("demo-admin", "demo-admin-secret-for-development-only")
PATIENCE = 30  # seconds, for a mail to be in the outbox
EVERY_COMPANY = "Every company, those added later too"


@dataclass(frozen=True)
class PageOf:
    """A page, by a name for its pictures.

    `reach` goes there, in a window of `who`, or without a signed-in user. What is the answer to a form takes the last
    step by `press`, a button's name.
    """

    name: str
    template: str
    reach: Callable[[Tab, App], None]
    who: tuple[str, str] | None = ALICE
    title: str = ""  # for docs/pages.md
    press: str = ""


def at(path: str) -> Callable[[Tab, App], None]:
    """Straight to a page of ours."""

    def reach(tab: Tab, _: App) -> None:
        tab.open(path)

    return reach


def sign_in(tab: Tab, app: App) -> None:
    tab.start(app)


def sign_in_refused(tab: Tab, app: App) -> None:
    tab.start(app)
    tab.sign_in("nobody", "not this one")  # a name of its own, so that no other sign-in is delayed


def consent(tab: Tab, app: App) -> None:
    tab.start(app, scope="openid profile email read write")


def consent_for_an_organisation(tab: Tab, app: App) -> None:
    tab.start(replace(app, client_id="ledger-app"))
    tab.page.get_by_label("Acme <Group>").check()
    tab.page.get_by_role("button", name="Continue").click()
    tab.page.get_by_label("Acme Denmark ApS").wait_for()


def consent_for_every_company(tab: Tab, app: App) -> None:
    """What Bob may not allow himself."""
    consent_for_an_organisation(tab, app)
    tab.page.get_by_label(EVERY_COMPANY).check()


def form_post(tab: Tab, app: App) -> None:
    """On its way to an application that does not answer."""
    tab.page.route(f"{app.redirect_uri}*", lambda route: route.fulfill(status=204))
    tab.start(app, response_mode="form_post")


def device_code(tab: Tab, _: App) -> None:
    """On the page that asks for a code, with the code of a device that waits."""
    begun = httpx.post(f"{tab.window.deployment.issuer}/device_authorization", data={"client_id": "demo-cli"})
    tab.open("device")
    tab.page.get_by_label("Code").fill(begun.json()["user_code"])


def device_code_refused(tab: Tab, _: App) -> None:
    tab.open("device")
    tab.page.get_by_label("Code").fill("no code")


def device_question(tab: Tab, app: App) -> None:
    device_code(tab, app)
    tab.page.get_by_role("button", name="Continue").click()
    tab.sees("Did you start this?")


def device_allowed_elsewhere(tab: Tab, app: App) -> None:
    """On the consent page, of what is allowed in another tab meanwhile."""
    device_code(tab, app)
    code = tab.page.get_by_label("Code").input_value()
    other = tab.window.tab()
    other.open("device")
    for one in (tab, other):
        one.page.get_by_label("Code").fill(code)
        for button in ("Continue", "Yes, I started it"):
            one.page.get_by_role("button", name=button).click()
        one.sees_consent("Demo command line")
    other.page.get_by_role("button", name="Allow", exact=True).click()
    other.sees("You may go back to your device")
    other.page.close()


def device_consent(tab: Tab, app: App) -> None:
    device_question(tab, app)
    tab.page.get_by_role("button", name="Yes, I started it").click()
    tab.sees_consent("Demo command line")


def code_owed(tab: Tab, app: App) -> None:
    """Carol has typed her password."""
    tab.start(app)
    tab.sign_in(*CAROL)
    if tab.page.get_by_role("button", name="Allow").count():
        set_up_an_app(tab)
        tab.window.context.clear_cookies()
        tab.start(app)
        tab.sign_in(*CAROL)


def recovery_codes(tab: Tab, _: App) -> None:
    """Dave makes new ones."""
    tab.open("my/security/app")
    if not tab.page.get_by_role("button", name="Make new codes").count():
        set_up_an_app(tab)
        tab.open("my/security/app")


def set_up_an_app(tab: Tab) -> None:
    tab.open("my/security/app")
    tab.page.get_by_role("button", name="Set up an app").click()
    secret = tab.page.get_by_role("code").inner_text().replace(" ", "")
    tab.page.get_by_label("Code", exact=True).fill(TOTP(secret).now())
    tab.page.get_by_role("button", name="Turn it on").click()
    tab.page.get_by_role("heading", name="Your recovery codes").wait_for()


def sign_in_at_work(tab: Tab, app: App) -> None:
    """At a provider that does not answer."""
    tab.start(app)
    tab.page.get_by_label("Email or username").fill("alice@acme.example")


def address_to_confirm(address: str) -> Callable[[Tab, App], None]:
    """A link that was mailed to another address of one's own."""

    def reach(tab: Tab, _: App) -> None:
        tab.open("my/profile/email")
        tab.page.get_by_label("Email").fill(address)
        tab.page.get_by_role("button", name="Send the link").click()
        tab.open(last_link(tab, address, "verify"))

    return reach


def address_of_another(tab: Tab, app: App) -> None:
    """A link that was mailed to another address of Bob's."""
    browser = tab.window.context.browser
    assert browser
    his = Window(browser.new_context(), tab.window.deployment, tab.window.site).tab()
    his.open("my")
    his.sign_in(*BOB)
    his.page.get_by_role("link", name="Sessions").first.wait_for()
    address_to_confirm("bob@office.example")(his, app)
    his.window.context.close()
    tab.open(last_link(tab, "bob@office.example", "verify"))


def account_to_choose(tab: Tab, app: App) -> None:
    tab.start(app, prompt="select_account")


def as_operator(tab: Tab, path: str, document: dict[str, Any]) -> Any:
    """What the admin API answers to a POST."""
    deployment = tab.window.deployment
    operator = httpx.post(f"{deployment.issuer}/token", auth=OPERATOR, data={"grant_type": "client_credentials"}).json()
    headers = {"Authorization": f"Bearer {operator['access_token']}"}
    return httpx.post(f"{deployment.resource}{path}", headers=headers, json=document).json()


def account_to_delete(tab: Tab, _: App) -> None:
    """That of Fay, who is added if somebody has deleted it before; what takes a button's press is typed."""
    as_operator(tab, "/admin/users", dict(zip(("username", "password"), FAY, strict=True)))
    tab.open("my/delete")
    tab.sign_in(*FAY)
    tab.page.get_by_label("To delete your account, type this").fill(FAY[0])


def connected(path: str) -> Callable[[Tab, App], None]:
    """A page of somebody who has let an app in."""

    def reach(tab: Tab, _: App) -> None:
        deployment = tab.window.deployment
        demo_app(deployment).tokens_for(Person(deployment, *ALICE))
        tab.open(path)

    return reach


def error(tab: Tab, app: App) -> None:
    tab.start(app, redirect_uri="https://elsewhere.example.com/callback")


def error_of_an_unverified_app(tab: Tab, _: App) -> None:
    """Which is told of it by a click alone."""
    uri = "https://new.example.com/callback"
    document = {"client_name": "New app", "redirect_uris": [uri], "verification": "test"}
    made = as_operator(tab, "/admin/clients", document)
    tab.start(App(tab.window.deployment, made["client_id"], redirect_uri=uri), scope="unheard-of")


def app_being_set_up(tab: Tab, _: App) -> None:
    tab.open("my/security/app")
    if tab.page.get_by_role("button", name="Set up an app").count():
        tab.page.get_by_role("button", name="Set up an app").click()


def ask_for_a_link(tab: Tab, _: App) -> None:
    tab.open("recover")
    tab.page.get_by_label("Username").fill("bob")
    tab.page.get_by_role("button", name="Send the link").click()
    tab.page.get_by_text("If there is an account").wait_for()


def open_the_link(tab: Tab, app: App) -> None:
    """The last that was mailed; asking again so soon brings no other."""
    ask_for_a_link(tab, app)
    tab.open(last_link(tab, "bob@example.com", "recover"))


def last_link(tab: Tab, address: str, page: str) -> str:
    """What was mailed to somebody the last time; mails are sent after the page that orders them was shown."""
    outbox = f"{tab.window.deployment.issuer}/outbox"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        mails = httpx.get(outbox, headers={"Accept": "application/json"}).json()
        texts = [mail["text"] for mail in mails if mail["to"] == [address]]
        links: list[str] = [link for text in texts for link in re.findall(rf"{page}/ml_\S+", text)]
        if links:
            return links[0]
        tab.page.wait_for_timeout(20)
    raise AssertionError(f"no mail to {address}")


def of_an_app(page: str) -> Callable[[Tab, App], None]:
    """A page of an app of one's own, which is registered if there is none."""

    def reach(tab: Tab, _: App) -> None:
        tab.open("developer")
        theirs = tab.page.get_by_role("link", name="Tea party planner")
        if not theirs.count():
            tab.page.get_by_role("link", name="Register an app").click()
            tab.page.get_by_label("Name", exact=True).fill("Tea party planner")
            tab.page.get_by_label("Redirect URIs", exact=True).fill("https://tea.example/callback")
            tab.page.get_by_role("button", name="Register").click()
            tab.page.get_by_text("Copy the secret now").wait_for()
            tab.open("developer")
        identifier = str(theirs.get_attribute("href")).rpartition("/")[2]
        tab.open(page.format(identifier))

    return reach


def secret_to_make(tab: Tab, app: App) -> None:
    """Another secret; at most two work at the same time."""
    of_an_app("developer/apps/{}/secrets")(tab, app)
    ends = tab.page.get_by_role("button", name="End now")
    if ends.count():
        ends.first.click()
        of_an_app("developer/apps/{}/secrets")(tab, app)


def api_key_to_make(path: str, company: str = "") -> Callable[[Tab, App], None]:
    """The form of a new API key, filled in."""

    def reach(tab: Tab, _: App) -> None:
        tab.open(path)
        tab.page.get_by_label("Name", exact=True).fill("Nightly report")
        if company:
            tab.page.get_by_label(company).check()
        tab.page.locator('input[name="scope"]').first.check()
        tab.page.get_by_label("Where it may be used from").fill("192.0.2.0/24")

    return reach


def api_keys(path: str, company: str = "") -> Callable[[Tab, App], None]:
    """The list of API keys, with one at least."""

    def reach(tab: Tab, app: App) -> None:
        tab.open(path)
        if not tab.page.get_by_role("heading", name="Nightly report").count():
            api_key_to_make(f"{path}/new", company)(tab, app)
            tab.page.get_by_role("button", name="Make the API key").click()
            tab.page.get_by_role("link", name="I have copied it").click()
            tab.page.get_by_role("heading", name="Nightly report").first.wait_for()

    return reach


def of_acme(area: str, name: str) -> Callable[[Tab, App], None]:
    """What a list of Acme's leads to."""

    def reach(tab: Tab, _: App) -> None:
        tab.open(f"organisations/acme/{area}")
        tab.page.get_by_role("main").get_by_role("link", name=name).first.click()

    return reach


def app_of_acme(tab: Tab, app: App) -> None:
    """Alice, who is in no other organisation and may, lets an app in for all of it."""
    ledgerly = replace(app, client_id="ledger-app")
    tab.start(ledgerly)
    tab.page.get_by_label(EVERY_COMPANY).check()
    tab.allow()
    ledgerly.exchange(tab.landed()["code"], tab.proof)
    of_acme("apps", "Ledgerly")(tab, app)


def request_to_acme(tab: Tab, app: App) -> None:
    """What Bob asks for, in a browser of his own, as Alice sees it."""
    browser = tab.window.context.browser
    assert browser
    his = Window(browser.new_context(), tab.window.deployment, tab.window.site).tab()
    his.open("my")
    his.sign_in(*BOB)
    consent_for_every_company(his, app)
    his.allow()
    his.page.get_by_role("link", name="Back to Ledgerly").wait_for()
    his.window.context.close()
    of_acme("requests", "Ledgerly")(tab, app)


def playground_answered(tab: Tab, app: App) -> None:
    of_an_app("developer/playground?client_id={}")(tab, app)
    missing = tab.page.get_by_role("button", name="Add it to this test app")
    if missing.count():
        missing.click()
    tab.page.get_by_role("button", name="Send the request").click()
    tab.allow()
    tab.page.get_by_role("heading", name="The answer").wait_for()


def token_to_decode(tab: Tab, app: App) -> None:
    of_an_app("developer/playground?client_id={}")(tab, app)
    tokens = demo_app(tab.window.deployment).tokens_for(Person(tab.window.deployment, *BOB))
    tab.page.get_by_label("Tokens", exact=True).fill(tokens["id_token"])


def app_refused(tab: Tab, _: App) -> None:
    tab.open("developer/apps/new")
    tab.page.get_by_label("Name", exact=True).fill("Tea")
    tab.page.get_by_label("Redirect URIs", exact=True).fill("https://tea.example/*")
    tab.page.get_by_role("button", name="Register").click()


EVERY_PAGE = (
    PageOf("sign-in", "login", sign_in, None, "Sign in"),
    PageOf("sign-in-refused", "login", sign_in_refused, None, "Sign in, refused"),
    PageOf("sign-in-code", "code", code_owed, None, "Sign in, with a second factor"),
    PageOf(
        "sign-in-at-work",
        "federation",
        sign_in_at_work,
        None,
        "Sign in elsewhere, in vain",
        "Sign in with your organisation",
    ),
    PageOf("choose-account", "login", account_to_choose, title="Sign in, with a session"),
    PageOf("recover", "recover/ask", at("recover"), None, "Forgot your password?"),
    PageOf("recover-sent", "recover/sent", ask_for_a_link, None, "A link was sent"),
    PageOf("recover-new", "recover/new", open_the_link, None, "A new password"),
    PageOf("recover-changed", "recover/changed", at("recover?done=password"), None, "A password was changed"),
    PageOf("recover-over", "recover/over", at("recover/ml_x"), None, "A link that is over"),
    PageOf("verify", "recover/verify", address_to_confirm("dave@home.example"), DAVE, "An address to confirm"),
    PageOf(
        "verified",
        "recover/verified",
        address_to_confirm("erin@home.example"),
        ERIN,
        "An address is confirmed",
        "Confirm the address",
    ),
    PageOf(
        "verify-taken",
        "recover/taken",
        address_to_confirm("alice@example.com"),
        DAVE,
        "An address that is another account's",
        "Confirm the address",
    ),
    PageOf("verify-another", "recover/another", address_of_another, title="A link for another account"),
    PageOf("sign-out", "logout", at("logout"), title="Sign out"),
    PageOf(
        "sign-out-in-vain", "logout", at("logout?post_logout_redirect_uri=https:x"), title="Sign out, with no way back"
    ),
    PageOf("signed-out", "signed_out", at("logout"), None, "Signed out"),
    PageOf("consent", "consent", consent, title="Consent"),
    PageOf("consent-organisation", "consent", consent_for_an_organisation, BOB, "Consent for an organisation"),
    PageOf("device", "device/code", at("device"), None, "A device's code"),
    PageOf("device-refused", "device/code", device_code_refused, None, "A device's code, refused", "Continue"),
    PageOf("device-question", "device/confirm", device_code, None, "A device: did you start this?", "Continue"),
    PageOf("device-consent", "consent", device_question, title="Consent for a device", press="Yes, I started it"),
    PageOf("device-allowed", "device/answered", device_consent, title="A device was allowed", press="Allow"),
    PageOf("device-denied", "device/answered", device_question, None, "A device was denied", "No, stop it"),
    PageOf(
        "device-decided",
        "device/answered",
        device_allowed_elsewhere,
        title="A device that was decided about before",
        press="Deny",
    ),
    PageOf("approval-asked", "approval_asked", consent_for_every_company, BOB, "An administrator is asked", "Allow"),
    PageOf("form-post", "form_post", form_post, title="On the way back", press="Allow"),
    PageOf("error", "error", error, None, "An error"),
    PageOf("error-unverified", "error", error_of_an_unverified_app, None, "An error of an unverified app"),
    PageOf("my", "my/overview", at("my"), title="Account"),
    PageOf("my-apps", "my/apps", connected("my/apps"), title="Account: connected apps"),
    PageOf("my-connected", "my/connected", connected("my/apps/demo-app"), title="Account: one app"),
    PageOf("my-sessions", "my/sessions", at("my/sessions"), title="Account: sessions"),
    PageOf("my-activity", "my/activity", at("my/activity"), title="Account: activity"),
    PageOf("my-profile", "my/profile", at("my/profile"), title="Account: profile and data"),
    PageOf("my-email", "my/email", at("my/profile/email"), title="Account: another address"),
    PageOf("my-export", "my/export", at("my/export"), title="Account: the data"),
    PageOf("my-delete", "my/delete", account_to_delete, None, "Account: its end"),
    PageOf("my-deleted", "my/deleted", account_to_delete, None, "Account: deleted", "Delete my account for good"),
    PageOf("my-security", "my/security", at("my/security"), title="Account: security"),
    PageOf("my-password", "my/password", at("my/security/password"), title="Account: another password"),
    PageOf("my-app", "my/app", app_being_set_up, title="Account: an authenticator app"),
    PageOf("my-codes", "my/codes", recovery_codes, DAVE, "Account: recovery codes", "Make new codes"),
    PageOf("my-passkeys", "my/passkeys", at("my/security/passkeys"), title="Account: passkeys"),
    PageOf("my-identities", "my/identities", at("my/security/identities"), title="Account: sign-in through others"),
    PageOf("my-links", "my/links", at("my/security/links"), title="Account: links sent by mail"),
    PageOf("my-api-keys", "my/api_keys", api_keys("my/api-keys"), title="Account: API keys"),
    PageOf("my-new-api-key", "my/new_api_key", api_key_to_make("my/api-keys/new"), title="Account: a new API key"),
    PageOf(
        "my-api-key",
        "my/api_key",
        api_key_to_make("my/api-keys/new"),
        title="Account: an API key is told once",
        press="Make the API key",
    ),
    PageOf("missing", "missing", at("my/apps/nothing"), title="Nothing there"),
    PageOf("developer-apps", "developer/apps", of_an_app("developer"), BOB, "Developer: the apps"),
    PageOf("developer", "developer/app", of_an_app("developer/apps/{}"), BOB, "Developer: an app"),
    PageOf("developer-new", "developer/new", app_refused, BOB, "Developer: an app is registered, with mistakes"),
    PageOf(
        "developer-settings",
        "developer/settings",
        of_an_app("developer/apps/{}/settings"),
        BOB,
        "Developer: the settings of an app",
    ),
    PageOf(
        "developer-secrets",
        "developer/secrets",
        of_an_app("developer/apps/{}/secrets"),
        BOB,
        "Developer: the secrets of an app",
    ),
    PageOf("developer-secret", "developer/secret", secret_to_make, BOB, "Developer: a secret", "Make a new secret"),
    PageOf(
        "developer-activity",
        "developer/activity",
        of_an_app("developer/apps/{}/activity"),
        BOB,
        "Developer: what an app was refused",
    ),
    PageOf(
        "developer-delete",
        "developer/delete",
        of_an_app("developer/apps/{}/delete"),
        BOB,
        "Developer: the end of an app",
    ),
    PageOf(
        "developer-playground",
        "developer/playground",
        of_an_app("developer/playground?client_id={}"),
        BOB,
        "Developer: the playground",
    ),
    PageOf(
        "developer-playground-answer",
        "developer/playground_answer",
        playground_answered,
        BOB,
        "Developer: the playground, with an answer",
    ),
    PageOf(
        "developer-playground-fragment",
        "developer/playground_fragment",
        at("developer/playground/callback"),
        BOB,
        "Developer: the playground, with an answer that no script has read",
    ),
    PageOf(
        "developer-playground-token",
        "developer/playground_decoded",
        token_to_decode,
        BOB,
        "Developer: the playground, with a token",
        "Decode",
    ),
    PageOf(
        "developer-playground-apps",
        "developer/playground_apps",
        at("developer/playground"),
        BOB,
        "Developer: the playground, to choose an app",
    ),
    PageOf("developer-scopes", "developer/scopes", at("developer/scopes"), BOB, "Developer: scopes"),
    PageOf("developer-endpoints", "developer/endpoints", at("developer/endpoints"), BOB, "Developer: endpoints"),
    PageOf("organisations", "organisations/all", at("organisations"), BOB, "Organisations"),
    PageOf("organisation", "organisations/overview", at("organisations/acme"), title="Organisation"),
    PageOf(
        "organisation-of-member", "organisations/overview", at("organisations/acme"), BOB, "Organisation, for a member"
    ),
    PageOf(
        "organisation-companies",
        "organisations/companies",
        at("organisations/acme/companies"),
        title="Organisation: companies",
    ),
    PageOf(
        "organisation-members", "organisations/members", at("organisations/acme/members"), title="Organisation: members"
    ),
    PageOf(
        "organisation-member", "organisations/member", of_acme("members", "Change Bob"), title="Organisation: a member"
    ),
    PageOf(
        "organisation-invite",
        "organisations/invite",
        at("organisations/acme/invite"),
        title="Organisation: an invitation",
    ),
    PageOf(
        "organisation-apps", "organisations/apps", at("organisations/acme/apps"), title="Organisation: connected apps"
    ),
    PageOf("organisation-app", "organisations/app", app_of_acme, title="Organisation: a connected app"),
    PageOf(
        "organisation-api-keys",
        "organisations/api_keys",
        api_keys("organisations/acme/api-keys", EVERY_COMPANY),
        title="Organisation: API keys",
    ),
    PageOf(
        "organisation-new-api-key",
        "organisations/new_api_key",
        api_key_to_make("organisations/acme/api-keys/new", EVERY_COMPANY),
        title="Organisation: a new API key",
    ),
    PageOf(
        "organisation-api-key",
        "organisations/api_key",
        api_key_to_make("organisations/acme/api-keys/new", EVERY_COMPANY),
        title="Organisation: an API key is told once",
        press="Make the API key",
    ),
    PageOf(
        "organisation-requests",
        "organisations/requests",
        at("organisations/acme/requests"),
        title="Organisation: requests",
    ),
    PageOf("organisation-request", "organisations/request", request_to_acme, title="Organisation: a request"),
    PageOf(
        "organisation-providers",
        "organisations/providers",
        at("organisations/acme/sign-in"),
        title="Organisation: providers",
    ),
    PageOf(
        "organisation-sign-in",
        "organisations/provider",
        at("organisations/acme/sign-in/acme-work"),
        title="Organisation: sign-in",
    ),
)
