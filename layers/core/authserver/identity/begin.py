"""Sessions, and the epochs under which something begins."""

from dataclasses import field, replace

from authserver.ends import Begun
from authserver.models.browsers import Session
from authserver.records import dataclass
from authserver.services import Services
from authserver.storage.standing import Ends
from authserver.storage.users import AccountState
from authserver.tokens import opaque
from authserver.tokens.keyring import TOKEN_RING
from authserver.values import base64url, from_base64url, sha256


@dataclass(frozen=True, slots=True)
class Cookie:
    """A session that is not stored yet, and the cookie that opens it."""

    session: Session
    value: str = field(repr=False)


def key_text(text: str) -> str:
    """The hash of a subject, a client or an organisation in the keys of the record, in base64url."""
    return base64url(opaque.key_of(text))


def begun_of(ends: Ends) -> Begun:
    """What is begun for a subject alone: under the deployment's era and the subject's epoch."""
    return Begun(era=ends.deployment.era, subject=ends.subject.epoch)


def account_state(sub: str, services: Services, identity: str = "") -> tuple[AccountState, Ends]:
    """`UserStore.account_state`, and its end with the deployment's era from before it was read."""
    deployment = services.deployment()
    state = services.users.account_state(sub, identity)
    return state, Ends(deployment=deployment, subject=state.end)


def new_session(
    subject: str,
    signed_in_for: str,
    begun: Begun,
    sessions: int,
    services: Services,
    *,
    auth_time: int | None = None,
    by: str = "",
    device: str = "",
    source: str = "",
) -> Cookie:
    """A new session, with an identifier that no earlier session had.

    The epochs are from before anything was read that decided the sign-in, so every later end of the user's sessions
    ends this one. `auth_time` is the identity provider's, if it sent one.
    """
    now = services.now()
    session = Session(
        id="",
        secret_hash=b"",
        subject=subject,
        auth_time=now if auth_time is None else auth_time,
        created_at=now,
        expires_at=now + services.settings.session_lifetime,
        signed_in_for=signed_in_for,
        device=device,
        source=source,
        begun=begun,
        sessions=sessions,
        by=by,
    )
    return named_anew(session, services)


def renewed(session: Session, signed_in_for: str, services: Services) -> Cookie:
    """The same session with another secret, for another pending request. It is no new sign-in."""
    return _with_another_secret(replace(session, signed_in_for=signed_in_for), services)


def named_anew(session: Session, services: Services) -> Cookie:
    """The same session by another identifier; to applications it stays the same."""
    origin = session.origin or session.id
    return _with_another_secret(replace(session, id=base64url(services.random(16)), origin=origin), services)


def _with_another_secret(session: Session, services: Services) -> Cookie:
    secret, key = services.random(16), services.keys.token_key(TOKEN_RING)
    value = opaque.seal(
        opaque.SESSION,
        key,
        id=from_base64url(session.id),
        subject=opaque.key_of(session.subject),
        secret=secret,
    )
    return Cookie(replace(session, secret_hash=sha256(base64url(secret))), value)
