"""What a code or refresh token names, to be read together with the client that presents it."""

from __future__ import annotations

from authserver.services import Named
from authserver.tokens import opaque
from authserver.values import base64url


def named_by(credential: opaque.Credential | None) -> Named:
    """The authorization of a code or refresh token, and who takes part in it; nothing if it is none of ours."""
    if credential is None:
        return Named()
    return of_authorization(credential.fields["authorization_id"], credential)


def of_authorization(identifier: bytes, credential: opaque.Credential) -> Named:
    """An authorization by its identifier, which the credential names or leads to."""
    return Named(
        subject_key=opaque.subject_key_of(identifier),
        organisation_key=opaque.organisation_key_of(identifier),
        authorization_id=base64url(identifier),
        credential=credential,
    )
