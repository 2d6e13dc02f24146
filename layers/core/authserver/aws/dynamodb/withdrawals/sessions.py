"""Withdrawals of sessions and of links in mails."""

from authserver.aws.dynamodb.withdrawals.common import Withdrawals
from authserver.aws.items.primary_keys import key_text, mail_key, subject_end_key
from authserver.aws.table import Placed, Write
from authserver.messages.mail import EMAIL_VERIFICATION
from authserver.models.browsers import WITHDRAWN, OneTimeLink, Session


class SessionWithdrawals(Withdrawals):
    def end_sessions(self, subject: str, survivor: Session | None = None) -> Session | None:
        if survivor is None:
            key = {"pk": subject_end_key(key_text(subject))}
            self._write([(self._tables.tokens, Write.update(key, "ADD sessions :one", "", {":one": 1}))])
            return None
        writes, successor = self._ending_all_but(survivor)
        return None if self._tokens.transact(writes) else successor

    def end_session(self, session_id: str) -> None:
        self._tokens.delete({"pk": f"session#{session_id}"})

    def withdraw_link(self, link: OneTimeLink) -> bool:
        withdraw = Write.update(
            {"pk": mail_key(link.id)},
            "SET spent_by = :withdrawn",
            "subject = :subject AND attribute_not_exists(spent_by)",
            {":withdrawn": WITHDRAWN, ":subject": link.subject},
        )
        writes: list[Placed] = [(self._tables.tokens, withdraw)]
        if link.purpose != EMAIL_VERIFICATION:
            return not self._tokens.transact(writes)
        unwanted = Write.update(
            {"id": f"user#{link.subject}"},
            "REMOVE pending_email",
            "pending_email = :address",
            {":address": link.address},
        )
        refused = self._tokens.transact([*writes, (self._tables.users, unwanted)])
        if refused == {1}:  # another address is wanted by now, and stays
            refused = self._tokens.transact(writes)
        return not refused
