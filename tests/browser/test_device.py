"""A program without a browser, and a person with one: the command-line tool signs in by a code."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.visit import Tab, Window
from tests.flows.person import Deployment
from tests.flows.test_command_line_sign_in import PATIENCE, CommandLine, read_until

OPERATOR = ("olivia", "operator-demo")
TOOL = "Authserver on the command line"
BOTH = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])


@pytest.fixture
def line(deployment: Deployment, tmp_path: Path) -> CommandLine:
    return CommandLine(deployment, tmp_path)


def press(tab: Tab, button: str) -> None:
    tab.page.get_by_role("button", name=button, exact=True).click()


@BOTH
@pytest.mark.rfc("8628", "3.3")
@pytest.mark.rfc("8628", "5.4")
def test_tool_shows_a_code_and_its_user_types_it_and_allows(
    open_window: Callable[..., Window], line: CommandLine, javascript: bool
) -> None:
    tab = open_window(java_script_enabled=javascript).tab()
    with line.running("login", "--device", "--scope", "admin:clients") as process:
        code = read_until(process, r"^    ([A-Z]{4}-[A-Z]{4})$")
        tab.open("device")
        tab.page.get_by_label("Code").fill(code.lower().replace("-", ""))
        press(tab, "Continue")
        tab.sees("Did you start this?")
        expect(tab.page.get_by_text(code)).to_be_visible()
        expect(tab.page.get_by_text("(the network that you are on now)")).to_be_visible()
        press(tab, "Yes, I started it")
        tab.sees_sign_in()
        tab.sign_in(*OPERATOR)
        tab.sees_consent(TOOL)
        expect(tab.page.get_by_text("another device", exact=True)).to_be_visible()
        tab.allow()
        tab.sees("You may go back to your device")
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "You are signed in" in output) == (0, True), errors
    assert line.run("clients", "list").returncode == 0


@pytest.mark.rfc("8628", "3.3.1")
def test_link_with_a_code_asks_first_and_whoever_did_not_start_it_stops_it(window: Window, line: CommandLine) -> None:
    tab = window.tab()
    with line.running("login", "--device") as process:
        code = read_until(process, r"^    ([A-Z]{4}-[A-Z]{4})$")
        tab.open(f"device?user_code={code}")
        tab.sees("Connect a device")
        press(tab, "Continue")
        tab.sees("Did you start this?")
        press(tab, "No, stop it")
        tab.sees("Nothing was allowed")
        _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "access_denied" in errors) == (5, True)
    tab.open(f"device?user_code={code}")
    tab.sees("Connect a device")
    press(tab, "Continue")
    expect(tab.page.get_by_text("This code is not correct")).to_be_visible()


def test_the_keyboard_alone_is_enough(window: Window, line: CommandLine) -> None:
    tab = window.tab()
    with line.running("login", "--device", "--scope", "admin:clients") as process:
        code = read_until(process, r"^    ([A-Z]{4}-[A-Z]{4})$")
        tab.open("device")
        tab.page.get_by_label("Code").focus()
        tab.page.keyboard.type(code)
        tab.page.keyboard.press("Enter")
        tab.sees("Did you start this?")
        tab.page.get_by_role("button", name="Yes, I started it").focus()
        tab.page.keyboard.press("Enter")
        tab.sees_sign_in()
        tab.page.get_by_label("Username").fill(OPERATOR[0])
        tab.page.get_by_label("Password").fill(OPERATOR[1])
        tab.page.keyboard.press("Enter")
        tab.sees_consent(TOOL)
        tab.page.get_by_role("button", name="Allow").focus()
        tab.page.keyboard.press("Enter")
        tab.sees("You may go back to your device")
        assert process.wait(timeout=PATIENCE) == 0
