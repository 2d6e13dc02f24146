"""The tokens of the signed-in user: a file for each deployment, which its owner alone can read."""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import click

from authserver_cli.errors import NotAllowed
from authserver_cli.issuer import Issuer

EARLY = 30  # seconds before a token ends in which it is not used any more


@dataclass(frozen=True)
class SignIn:
    """Who signed in where; `expires_at` is that of the access token, in epoch seconds."""

    issuer: str
    client_id: str
    access_token: str
    expires_at: int
    refresh_token: str = ""
    scope: str = ""

    @classmethod
    def of(cls, issuer: str, client_id: str, answer: dict[str, Any], now: int) -> Self:
        """As the token endpoint answered (RFC 6749 section 5.1)."""
        return cls(
            issuer,
            client_id,
            str(answer["access_token"]),
            now + int(answer.get("expires_in", 0)),
            str(answer.get("refresh_token", "")),
            str(answer.get("scope", "")),
        )


def keep(sign_in: SignIn) -> Path:
    """Writes the file, whole or not at all; where it is."""
    path = _path(sign_in.issuer)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # with 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(sign_in), file)
    Path(name).replace(path)
    return path


def kept(issuer: str) -> SignIn | None:
    """Who signed in at this deployment and has not signed out."""
    try:
        return SignIn(**json.loads(_path(issuer).read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError):
        return None


def forget(issuer: str) -> None:
    """Removes the file."""
    _path(issuer).unlink(missing_ok=True)


def _path(issuer: str) -> Path:
    name = hashlib.sha256(issuer.rstrip("/").encode()).hexdigest()[:32]
    return Path(click.get_app_dir("authserver")) / "tokens" / f"{name}.json"


class KeptTokens:
    """Access tokens of the signed-in user, refreshed where they have ended (RFC 6749 section 6)."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._given = False

    def __call__(self, issuer: Issuer) -> str:
        # The one that was given before was refused.
        if self._given or self._sign_in.expires_at - EARLY <= time.time():
            self._refresh(issuer)
        self._given = True
        return self._sign_in.access_token

    def _refresh(self, issuer: Issuer) -> None:
        with _alone(self._sign_in.issuer):
            # Another process may have spent the refresh token: a second use would end the sign-in (RFC 9700 section
            # 4.14.2), and its access token is as good as ours.
            found = kept(self._sign_in.issuer) or self._sign_in
            is_newer = found.access_token != self._sign_in.access_token and found.expires_at - EARLY > time.time()
            self._sign_in = found if is_newer else _refreshed(found, issuer)


def _refreshed(before: SignIn, issuer: Issuer) -> SignIn:
    """The new tokens, kept. Raises `NotAllowed` once the server has ended the sign-in, which is forgotten then."""
    form = {"grant_type": "refresh_token", "refresh_token": before.refresh_token, "client_id": before.client_id}
    try:
        answer = issuer.token(form)
    except NotAllowed as refusal:
        forget(before.issuer)
        raise NotAllowed(replace(refusal.problem, detail="You are signed out: authserver login")) from None
    now = SignIn.of(before.issuer, before.client_id, answer, int(time.time()))
    after = replace(now, refresh_token=now.refresh_token or before.refresh_token)
    keep(after)
    return after


@contextmanager
def _alone(issuer: str) -> Iterator[None]:
    """Within it, no other process of this machine refreshes; on Windows, one may."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    directory = _path(issuer).parent
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # which unlocks it
