"""What of a list still stands: each record is compared with the present ends of whom it is about, which are read
once."""

from dataclasses import replace

from authserver.identity.begin import key_text
from authserver.models.browsers import Consent
from authserver.models.invitations import Approval
from authserver.models.tokens import Authorization
from authserver.services import Services
from authserver.storage.standing import Ends


class PresentEnds:
    """The ends of subjects, clients and organisations as they were when a list first asked for them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._read: dict[tuple[str, str, str], Ends] = {}

    def let_stand(self, authorization: Authorization) -> bool:
        """Whether nothing has ended the authorization: neither its own revocation nor anything that it was begun
        under."""
        ends = self._of(authorization.subject, authorization.client_id, authorization.organisation)
        return authorization.revoked_at is None and ends.stand(authorization.begun, authorization.sessions)

    def let_consent_stand(self, consent: Consent) -> bool:
        """Whether nothing has ended the consent."""
        return self._of(consent.subject, consent.client_id, "").stand(consent.begun)

    def let_approval_stand(self, approval: Approval) -> bool:
        """Whether nothing has ended what a member asked, nor the answer; the member's password has no part in it."""
        ends = self._of(approval.subject, approval.client_id, approval.organisation)
        return ends.stand(replace(approval.begun, subject=ends.subject.epoch))

    def _of(self, subject: str, client_id: str, organisation: str) -> Ends:
        whose = (subject, client_id, organisation)
        if whose not in self._read:
            self._read[whose] = self._services.tokens.standing(
                subject_key=key_text(subject),
                client_key=key_text(client_id),
                organisation_key=key_text(organisation) if organisation else "",
            ).ends
        return self._read[whose]
