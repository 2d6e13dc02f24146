"""Withdrawals of what was granted to clients."""

from authserver.aws.dynamodb.browsers import ASKED, is_still
from authserver.aws.dynamodb.ends import (
    count_in,
    make_map,
    move_organisation_end,
    organisation_ends,
    raise_client_end,
    subject_end,
)
from authserver.aws.dynamodb.tokens import AUTHORIZATION_ID, reaches
from authserver.aws.dynamodb.withdrawals.common import ATTEMPTS, Withdrawals, contended
from authserver.aws.items.primary_keys import (
    api_key_key,
    approval_key,
    consent_key,
    key_text,
    membership_key,
    subject_end_key,
)
from authserver.aws.items.tokens import authorization_of
from authserver.aws.table import ConditionFailed, Write, decode_item
from authserver.ends import EVERY_CLIENT
from authserver.models.invitations import Approval
from authserver.models.tokens import Authorization


class GrantWithdrawals(Withdrawals):
    def set_entities(
        self,
        authorization_id: str,
        organisation: str,
        entities: frozenset[str],
        was: frozenset[str],
    ) -> Authorization | None:
        if not AUTHORIZATION_ID.fullmatch(authorization_id):
            return None
        condition, values = reaches(organisation, was, entities)
        try:
            item = self._tokens.update(
                {"pk": f"authorization#{authorization_id}"},
                "SET entities = :entities" if entities else "REMOVE entities",
                condition,
                values,
                answer="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return authorization_of(decode_item(item))

    def end_api_key(self, key_id: str) -> bool:
        return self._tokens.delete_if({"pk": api_key_key(key_id)}, "attribute_exists(pk)")

    def end_api_keys(self, subject: str) -> None:
        key = {"pk": subject_end_key(key_text(subject))}
        self._write([(self._tables.tokens, Write.update(key, "ADD api_keys :one", "", {":one": 1}))])

    def end(self, *, subject: str | None = None, client_id: str | None = None, organisation: str | None = None) -> None:
        tokens = self._tables.tokens
        match subject, client_id, organisation:
            case str(), None, None:
                self._write([subject_end(tokens, subject, api_keys=True)])
            case None, str(), None:
                self._write(raise_client_end(tokens, client_id))
            case None, None, str():
                self._write(move_organisation_end(tokens, organisation, ends=True))
            case str(), str(), None:
                self._count([{"pk": subject_end_key(key_text(subject))}], "grants", key_text(client_id))
            case None, str(), str():
                self._count(organisation_ends(organisation), "clients", key_text(client_id))
            case _:
                raise ValueError("an end is of a subject, a client or an organisation, or between a client and another")

    def end_grants(self, subject: str) -> None:
        self._count([{"pk": subject_end_key(key_text(subject))}], "grants", EVERY_CLIENT)

    def forget_consent(self, subject: str, client_id: str) -> None:
        self._tokens.delete({"pk": consent_key(subject, client_id)})

    def withdraw_approval(self, approval: Approval) -> bool:
        same, values = is_still(approval)
        remove = Write.delete(
            {"pk": approval_key(approval.organisation, approval.client_id, approval.subject)},
            f"created_at = :created_at AND {same}",
            {":created_at": approval.created_at, **values},
            {f"#{name}": name for name in ASKED},
        )
        membership = {"id": membership_key(approval.organisation, approval.subject)}
        counts = count_in(self._tables.users, [membership], "clients", key_text(approval.client_id))
        for _ in range(ATTEMPTS):
            refused = self._tokens.transact([(self._tables.tokens, remove), *counts])
            if not refused or 0 in refused:
                return not refused
            if self._users.get(membership) is None:  # no longer a member, so there is nothing to end
                return not self._tokens.transact([(self._tables.tokens, remove)])
            self._tokens.beforehand.transact(make_map(self._tables.users, [membership], "clients"))
        raise contended()
