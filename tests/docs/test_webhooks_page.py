"""What docs/webhooks.md tells receivers to run, run: on deliveries as the server signs them."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from authserver.endpoints.orders.deliver import LEAST, MOST, SECONDS, WAITS
from authserver.identity.webhooks import MEDIA_TYPE, signed_headers
from authserver.models.webhooks import MOST as MOST_WEBHOOKS

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
SECRET, OTHER = bytes(range(32)), bytes(range(32, 64))
TOLD = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
BODY = b'{"specversion":"1.0","id":"b1Yb5Xc0oT4pQy0mZ1m9nA","type":"user.disabled"}'
MINUTE = 60


def snippet(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def delivery(secrets: tuple[bytes, ...] = (SECRET,), ago: int = 0) -> tuple[dict[str, str], bytes]:
    headers = signed_headers("b1Yb5Xc0oT4pQy0mZ1m9nA", int(time.time()) - ago, BODY, secrets)
    return {name.lower(): value for name, value in headers.items()}, BODY


def by_python(headers: Mapping[str, str], body: bytes) -> bool:
    names: dict[str, Any] = {}
    exec(snippet("python"), names)  # noqa: S102 - the page's own
    try:
        assert names["receive"](TOLD, headers, body)["id"] == headers["webhook-id"]
    except WebhookVerificationError:
        return False
    return True


def by_node(headers: Mapping[str, str], body: bytes) -> bool:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    given = json.dumps([TOLD, dict(headers), body.decode()])
    call = f"const [secret, headers, body] = {given};\nconsole.log(isGenuine(secret, headers, Buffer.from(body)));"
    script = f"{snippet('js')}\n{call}"
    ran = subprocess.run(
        [node, "--input-type=module", "-"], input=script, capture_output=True, text=True, check=True, timeout=30
    )
    return json.loads(ran.stdout) is True


WAYS = pytest.mark.parametrize("is_genuine", [by_python, by_node], ids=["python", "node"])


@WAYS
@pytest.mark.parametrize("secrets", [(SECRET,), (OTHER, SECRET), (SECRET, OTHER)])
def test_what_the_server_signs_is_genuine(
    secrets: tuple[bytes, ...], is_genuine: Callable[[Mapping[str, str], bytes], bool]
) -> None:
    assert is_genuine(*delivery(secrets))
    assert is_genuine(*delivery(secrets, ago=4 * MINUTE))


@WAYS
def test_what_was_changed_or_repeated_is_not(is_genuine: Callable[[Mapping[str, str], bytes], bool]) -> None:
    headers, body = delivery()
    assert not is_genuine(*delivery((OTHER,)))
    assert not is_genuine(*delivery(ago=6 * MINUTE))
    assert not is_genuine(*delivery(ago=-6 * MINUTE))
    assert not is_genuine(headers, body.replace(b"disabled", b"enabled"))
    for name, value in {"webhook-id": "another", "webhook-timestamp": "soon", "webhook-signature": "v1,"}.items():
        assert not is_genuine({**headers, name: value}, body)
    version_2 = headers["webhook-signature"].replace("v1,", "v1a,")
    assert not is_genuine({**headers, "webhook-signature": version_2}, body)


def test_the_page_says_the_attempts_as_they_are() -> None:
    words = [f"{WAITS[0]} seconds", *(f"{wait // MINUTE} minutes" for wait in WAITS[1:3])]
    words += [f"{wait // 3600} hours" for wait in WAITS[3:]]
    text = " ".join(PAGE.split())
    assert f"after about {words[0]}, and the others after another {', '.join(words[1:-1])} and {words[-1]}" in text
    assert f"eight attempts in some {round(sum(WAITS) / 3600)} hours" in text
    assert len(WAITS) + 1 == 8
    assert (LEAST, MOST) == (0.85, 1.15)
    assert f"within {SECONDS:.0f} seconds" in text
    assert f"at most {MOST_WEBHOOKS} webhooks" in text
    assert f"`{MEDIA_TYPE}`" in text


def test_a_wait_fits_into_the_time_for_which_sqs_hides_a_message() -> None:
    assert max(WAITS) * MOST + SECONDS < 12 * 3600
