"""Every page there is, and how a person comes to it. Whoever makes a page adds it here."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx

from tests.browser.visit import Tab
from tests.flows.person import App, Person, demo_app

ALICE = ("alice", "wonderland-demo")
BOB = ("bob", "builder-demo")


@dataclass(frozen=True)
class PageOf:
    """A page, by a name for its pictures. `reach` goes there, in a window of `who`, or of nobody who is signed in."""

    name: str
    reach: Callable[[Tab, App], None]
    who: tuple[str, str] | None = ALICE
    title: str = ""  # for docs/pages.md


def at(path: str) -> Callable[[Tab, App], None]:
    """Straight to a page of ours."""

    def reach(tab: Tab, _: App) -> None:
        tab.open(path)

    return reach


def sign_in(tab: Tab, app: App) -> None:
    tab.start(app)


def sign_in_refused(tab: Tab, app: App) -> None:
    tab.start(app)
    tab.sign_in("nobody", "not this one")  # who is delayed by it, and nobody else


def consent(tab: Tab, app: App) -> None:
    tab.start(app, scope="openid profile email read write")


def consent_for_an_organisation(tab: Tab, app: App) -> None:
    tab.start(replace(app, client_id="ledger-app"))
    tab.page.get_by_label("Acme <Group>").check()
    tab.page.get_by_role("button", name="Continue").click()
    tab.page.get_by_label("Acme Denmark ApS").wait_for()


def account_to_choose(tab: Tab, app: App) -> None:
    tab.start(app, prompt="select_account")


def connected(path: str) -> Callable[[Tab, App], None]:
    """A page of somebody who has let an app in."""

    def reach(tab: Tab, _: App) -> None:
        deployment = tab.window.deployment
        demo_app(deployment).tokens_for(Person(deployment, *ALICE))
        tab.open(path)

    return reach


def error(tab: Tab, app: App) -> None:
    tab.start(app, redirect_uri="https://elsewhere.example.com/callback")


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
    issuer = tab.window.deployment.issuer
    links: list[str] = []
    while not links:
        mails = httpx.get(f"{issuer}/outbox", headers={"Accept": "application/json"}).json()
        links = [link for mail in mails for link in re.findall(r"recover/ml_\S+", mail["text"])]
    tab.open(links[0])


def of_an_app(page: str) -> Callable[[Tab, App], None]:
    """A page of an app of one's own, which is registered if there is none."""

    def reach(tab: Tab, _: App) -> None:
        tab.open("developer")
        theirs = tab.page.get_by_role("link", name="Tea party planner")
        if not theirs.count():
            tab.page.get_by_role("link", name="Register an app").click()
            tab.page.get_by_label("Name", exact=True).fill("Tea party planner")
            tab.page.get_by_label("Redirect URIs").fill("https://tea.example/callback")
            tab.page.get_by_role("button", name="Register").click()
            tab.page.get_by_text("Copy the secret now").wait_for()
            tab.open("developer")
        identifier = str(theirs.get_attribute("href")).rpartition("/")[2]
        tab.open(page.format(identifier))

    return reach


def app_refused(tab: Tab, _: App) -> None:
    tab.open("developer/apps/new")
    tab.page.get_by_label("Name", exact=True).fill("Tea")
    tab.page.get_by_label("Redirect URIs").fill("https://tea.example/*")
    tab.page.get_by_role("button", name="Register").click()


EVERY_PAGE = (
    PageOf("sign-in", sign_in, None, "Sign in"),
    PageOf("sign-in-refused", sign_in_refused, None, "Sign in, refused"),
    PageOf("choose-account", account_to_choose, title="Sign in, with a session"),
    PageOf("recover", at("recover"), None, "Forgot your password?"),
    PageOf("recover-sent", ask_for_a_link, None, "A link was sent"),
    PageOf("recover-new", open_the_link, None, "A new password"),
    PageOf("recover-changed", at("recover?done=password"), None, "A password was changed"),
    PageOf("recover-over", at("recover/ml_x"), None, "A link that is over"),
    PageOf("consent", consent, title="Consent"),
    PageOf("consent-organisation", consent_for_an_organisation, BOB, "Consent for an organisation"),
    PageOf("error", error, None, "An error"),
    PageOf("my", at("my"), title="Account"),
    PageOf("my-apps", connected("my/apps"), title="Account: connected apps"),
    PageOf("my-connected", connected("my/apps/demo-app"), title="Account: one app"),
    PageOf("my-sessions", at("my/sessions"), title="Account: sessions"),
    PageOf("my-activity", at("my/activity"), title="Account: activity"),
    PageOf("my-profile", at("my/profile"), title="Account: profile and data"),
    PageOf("my-email", at("my/profile/email"), title="Account: another address"),
    PageOf("my-export", at("my/export"), title="Account: the data"),
    PageOf("my-security", at("my/security"), title="Account: security"),
    PageOf("my-password", at("my/security/password"), title="Account: another password"),
    PageOf("my-app", app_being_set_up, title="Account: an authenticator app"),
    PageOf("my-passkeys", at("my/security/passkeys"), title="Account: passkeys"),
    PageOf("developer", of_an_app("developer/apps/{}"), BOB, "Developer: an app"),
    PageOf("developer-new", app_refused, BOB, "Developer: an app is registered, with mistakes"),
    PageOf("developer-settings", of_an_app("developer/apps/{}/settings"), BOB, "Developer: the settings of an app"),
    PageOf("developer-secrets", of_an_app("developer/apps/{}/secrets"), BOB, "Developer: the secrets of an app"),
    PageOf("developer-activity", of_an_app("developer/apps/{}/activity"), BOB, "Developer: what an app was refused"),
    PageOf("developer-delete", of_an_app("developer/apps/{}/delete"), BOB, "Developer: the end of an app"),
    PageOf("developer-playground", of_an_app("developer/playground?client_id={}"), BOB, "Developer: the playground"),
    PageOf("developer-scopes", at("developer/scopes"), BOB, "Developer: scopes"),
    PageOf("developer-endpoints", at("developer/endpoints"), BOB, "Developer: endpoints"),
    PageOf("organisations", at("organisations"), BOB, "Organisations"),
    PageOf("organisation", at("organisations/acme"), title="Organisation"),
    PageOf("organisation-of-member", at("organisations/acme"), BOB, "Organisation, for a member"),
    PageOf("organisation-companies", at("organisations/acme/companies"), title="Organisation: companies"),
    PageOf("organisation-members", at("organisations/acme/members"), title="Organisation: members"),
    PageOf("organisation-invite", at("organisations/acme/invite"), title="Organisation: an invitation"),
    PageOf("organisation-apps", at("organisations/acme/apps"), title="Organisation: connected apps"),
    PageOf("organisation-requests", at("organisations/acme/requests"), title="Organisation: requests"),
    PageOf("organisation-sign-in", at("organisations/acme/sign-in/acme-work"), title="Organisation: sign-in"),
)
