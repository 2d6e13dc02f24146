"""Ending all that was issued: once, by a cutoff, or until further notice, by a suspension.

The order in which a use case writes record and cutoff decides what a crash between the two leaves:

- Disabling suspends first. From that write on everything is dead, also what is issued before the record says so. If
  the record is never written, nothing works that should not, and the operator, who got an error, repeats the call.
- Enabling writes the record first and resumes last. Until then everything stays dead. Only where the write is
  versioned, as a client's is, may it resume first: nothing is issued before the record says so, and of two who
  disagree, the one whose write is refused begins again.
- Where something is withdrawn (a password, a role, an operator's powers), the record comes first and the cutoff
  last: what was issued by the old record until then is dead. The other way round a token could come to life between
  the two and stay.
- Where whoever is signed in could write the record anew (second factors), a cutoff comes before it as well.
"""

from authserver.services import Services

# The longest that the template lets anything live, whatever it says today: a cutoff must not vanish before what it
# ended, and that may have been issued when the settings were others.
KEPT = 63_072_000 + 600


def cut_off(
    services: Services, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None
) -> int:
    """Ends all that was issued until now for one of the three, or for a pair of them; tells when that was."""
    now = services.now()
    services.tokens.cut_off(
        subject=subject, client_id=client_id, organisation=organisation, not_before=now, expires_at=now + KEPT
    )
    return now


def end_sessions(services: Services, subject: str) -> int:
    """Signs every browser of the user out that signed in until now; tells when that was."""
    now = services.now()
    services.browsers.end_sessions(subject, not_before=now, expires_at=now + KEPT)
    return now


def resume(
    services: Services, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None
) -> None:
    """Ends a suspension; what was issued until now stays dead."""
    now = services.now()
    services.tokens.resume(
        subject=subject, client_id=client_id, organisation=organisation, now=now, expires_at=now + KEPT
    )
