"""The tokens of whoever signed in with the tool: a file for each deployment, which its owner alone can read."""

import hashlib
import json
import os
import tempfile
import time
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
    """Access tokens of whoever signed in, refreshed where they have ended (RFC 6749 section 6)."""

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
        before = self._sign_in
        form = {"grant_type": "refresh_token", "refresh_token": before.refresh_token, "client_id": before.client_id}
        try:
            answer = issuer.token(form)
        except NotAllowed as refusal:
            forget(before.issuer)
            raise NotAllowed(replace(refusal.problem, detail="You are signed out: authserver login")) from None
        now = SignIn.of(before.issuer, before.client_id, answer, int(time.time()))
        self._sign_in = replace(now, refresh_token=now.refresh_token or before.refresh_token)
        keep(self._sign_in)
