"""doorkeeper, with Devise: the tables ``users`` and ``oauth_applications`` as comma-separated values with a heading."""

import re
from collections.abc import Iterator, Mapping

from authserver_cli.former import Found, Problems, is_true, login_name, present, rows, secret_hash

HASHED = re.compile(r"\$2[aby]\$.*|\$sha256\$[0-9a-f]{64}")
# What `hash_application_secrets` stores, unless it is configured to use bcrypt; older secrets in clear look the same,
# so the person who exports the table says which they are.
HEXADECIMAL_64 = re.compile(r"[0-9a-f]{64}")


def users(text: str) -> Iterator[Found]:
    """People, whose passwords Devise keeps as bcrypt. One that had a `pepper` fits no password here."""
    for place, row in rows(text):
        if "id" not in row:
            raise ValueError("has no column id")
        yield Found(place, _user(row), (("locked_at", "is set there"),) if "locked_at" in row else ())


def clients(text: str) -> Iterator[Found]:
    """Applications. All may use the authorization code and refresh; those with a secret act for themselves as well."""
    for place, row in rows(text):
        if not {"uid", "name"} <= row.keys():
            raise ValueError("has no columns uid and name")
        yield _client(place, row)


def _user(row: Mapping[str, str]) -> dict[str, object]:
    email = row.get("email", "")
    verified = "confirmed_at" in row
    return present(
        {
            "sub": row["id"],
            "username": login_name(row.get("username", ""), email, verified, row["id"]),
            "email": email,
            "email_verified": verified and bool(email),
            "name": row.get("name"),
            "password_hash": row.get("encrypted_password"),
        }
    )


def _client(place: int, row: Mapping[str, str]) -> Found:
    confidential = is_true(row.get("confidential", "true"))
    grants = ["authorization_code", "refresh_token", *(["client_credentials"] if confidential else [])]
    problems: Problems = ()
    hashed, secret = "", row.get("secret", "")
    if confidential and HEXADECIMAL_64.fullmatch(secret):
        problems = (("secret", "is a SHA-256 or 64 hexadecimal digits, which cannot be told apart"),)
    elif confidential and secret:
        hashed = secret if HASHED.fullmatch(secret) else secret_hash(row["uid"], secret)
    body = present(
        {
            "client_id": row["uid"],
            "client_name": row["name"],
            "client_secret_hash": hashed,
            "redirect_uris": row.get("redirect_uri", "").split(),
            "scope": row.get("scopes"),
        }
    )
    told = {
        "token_endpoint_auth_method": "client_secret_basic" if confidential else "none",
        "grant_types": grants,
        "require_pkce": not confidential,
    }
    return Found(place, body | told, problems)
