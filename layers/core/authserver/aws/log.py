"""What functions write down: one line of JSON a request, with its metric in it.

The line has the fields that Powertools' Logger gives it elsewhere (`aws.logger`), and is written without that: its
import is a tenth of a cold start, and half of what a line costs.

The metric is `Latency`, in milliseconds, by outcome and by route, and for security matters by reason; its SampleCount
is how many requests there were. CloudWatch bills each of these, so that there are no others.
"""

import os
import sys
import time
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import blake2b, sha256
from typing import Any

from authserver.values import host_of, json_text

SERVICE = "authserver"
SUBJECT_OCTETS = 12
BUG = "bug"

# Every reason that a line may have, by the outcome that it counts as. ``kms_*`` is each reason that begins so and is
# not here itself. scripts/reasons.toml has what each means; tests find a reason that is missing in either.
_REASONS = {
    "ok": """
        address_missing address_unwanted app_verified approval_asked authorization_pending code_page consent_page
        consent_required device_allowed device_denied device_page device_question download goto_* goto_continue
        goto_logout goto_provider link_spent login_page login_required logout_page ok page password_none
        recover_changed recover_page recover_sent reset_page sent signed_out verified verify_page webhook_delivered
    """,
    "client_error": """
        action_unknown algorithm_unknown assertion_* assertion_incomplete assertion_malformed assertion_type
        authorization_unknown authorizer_missing basic_malformed body_malformed built_in callback_taken callback_unknown
        claims_malformed claims_subject claims_too_long client_credentials_missing client_exists client_id
        client_id_differs client_id_missing client_id_repeated client_method client_methods client_public
        client_secretless client_unknown code_* code_400 code_challenge_malformed code_challenge_method
        code_challenge_missing code_garbage code_missing code_unknown company_missing company_unknown conflict
        continue_asset continue_endpoint continue_malformed continue_origin credentials_in_query decision_missing
        details_malformed details_not_allowed details_type device_* device_code_garbage device_code_missing
        device_code_unknown device_off document_* domain_taken email_taken event_malformed form_malformed garbage
        grant_type_missing grant_type_not_allowed grant_type_unsupported id_token_hint_* identifier_taken implied
        invalid json_malformed jwt_* key_set_* kind_unknown last_one last_way login_400 logout_client_missing
        logout_client_unknown logout_hint_audience logout_hint_malformed logout_parameter_repeated
        logout_redirect_uri_unknown logout_redirect_uri_unsafe logout_state_too_long max_age_malformed media_type
        message_malformed metadata method_not_allowed name_malformed no_user nonce_missing nonce_too_long not_found
        nowhere_to_cancel_to
        openid_missing order_malformed organisation_unknown own_application parameter_repeated parameters_in_query
        password_missing path_malformed prompt_unsupported realm_unknown redirect_uri redirect_uri_gone
        redirect_uri_mismatch redirect_uri_missing redirect_uri_repeated redirect_uri_unknown redirect_uri_unsafe
        refresh_garbage refresh_token_missing registration registration_off request_garbage request_object
        request_of_no_client request_too_large request_too_long request_uri resource_malformed resource_missing
        resource_unknown resources_too_many response_mode_unsupported response_type_missing response_type_not_allowed
        response_type_unsupported route_unknown scope_malformed scope_not_for_anyone servers_own software_statement
        state_garbage state_too_long token_malformed token_missing token_too_long token_transports
        token_type_unsupported too_large too_many unknown user_required username_missing verifier_missing
        verifier_unexpected webhooks_off
    """,
    "refused": """
        access_token_revoked acr_unmet acr_unreachable administrator_scope answered_before api_key_ended api_keys_off
        approval_changed audience authorization_expired authorization_revoked bridge_contradicts_itself bridge_ended
        bridge_organisation bridge_refused bridge_resource bridge_scope bridge_subject_unknown
        bridge_without_offline_access canary_client_taken changed_meanwhile client_disabled client_ended client_gone
        client_secret code_401 code_expired code_revoked company_not_granted denied_by_user device_code_expired
        device_code_revoked device_code_used device_over document_budget document_contended edge_missing ended expired
        federation_* federation_answer_without_code federation_auth_time_missing federation_auth_time_too_old
        federation_code_refused federation_code_too_long federation_denied federation_disabled federation_domain_unknown
        federation_no_account federation_provider_unknown grant_type_withdrawn id_token_hint_audience id_token_hint_old
        initial_token_garbage initial_token_spent insufficient_scope invitation_over key_set_budget key_set_contended
        login_* login_401 login_403 made_before mail_off not_administrator operator_scope organisation_gone
        organisation_not_asked organisation_not_granted organisation_not_own organisation_without_keys passkey_challenge
        passkey_count passkey_id_too_long passkey_late passkey_malformed passkey_not_verified passkey_unknown
        password_wrong provider_ended quota_apps quota_day recover_400 recover_over refresh_expired refresh_revoked
        registration_over request_of_another_page request_over reset_400 resource_not_granted resource_removed
        scope_ended scope_exceeds_client scope_exceeds_grant scope_missing scope_withdrawn second_factor_owed
        secret_last secrets_live session_missing sign_in_cancelled slow_down subject_hint_mismatch token_hook_refused
        user_not_active user_unknown verify_another verify_over verify_taken webhook_disabled webhook_dropped
        webhook_ended webhook_failed webhook_given_up webhook_gone
    """,
    "security": """
        assertion_used authorization_of_another_client bridge_of_another_client code_replayed csrf
        device_of_another_client federation_id_token_nonce federation_id_token_signature federation_issuer_mixed_up
        federation_spent jwt_alg jwt_crit jwt_signature jwt_unknown_kid network passkey_replayed refresh_not_genuine
        refresh_reused registration_token_wrong request_of_another_browser route_spelling route_wildcard
        sign_in_origin throttled verifier_mismatch
    """,
    "dependency": """
        audit_head_moved bridge_error bridge_malformed bridge_timeout bridge_too_large client_contended
        consent_contended document_not_carried_out dynamodb_* dynamodb_conflict dynamodb_unprocessed
        dynamodb_unreachable edge_without_viewer identity_provider_contended key_set_not_carried_out kms_* lambda_invoke
        no_keys record_contended s3 ses_* ses_unreachable sqs_send token_hook_error token_hook_malformed
        token_hook_reserved token_hook_timeout token_hook_too_large user_contended withdrawal_contended
    """,
    "bug": """
        end_malformed factors_malformed identifier_collision resources_malformed ring_malformed scopes_malformed
        token_event_refused unexpected user_code_collision webhooks_malformed
    """,
}
OUTCOMES = {reason: outcome for outcome, reasons in _REASONS.items() for reason in reasons.split()}


def _metric(name: str, unit: str, *dimensions: str) -> str:
    """What makes a line a metric by each of these, or as a whole by none, but for the instant."""
    namespace = os.environ.get("METRICS_NAMESPACE", "Authserver")
    sets = ",".join(f'["{one}"]' for one in dimensions) or "[]"
    return (
        f'"_aws":{{"CloudWatchMetrics":[{{"Namespace":"{namespace}","Dimensions":[{sets}],'
        f'"Metrics":[{{"Name":"{name}","Unit":"{unit}"}}]}}],"Timestamp":'
    )


# What use cases know of the request at hand (`services.Services.told`). Its lines tell it; each request begins anew.
told: dict[str, str] = {}


@cache
def _latency(outcome: str, *, by_client: bool) -> str:
    by_reason = ("reason",) if outcome == "security" else ()
    by = ("client_id",) if by_client and os.environ.get("CLIENT_METRICS") == "On" else ()
    return _metric("Latency", "Milliseconds", "outcome", "route", *by_reason, *by)


@cache
def _one_of() -> int:
    """Of so many requests that came off well, one is written down."""
    return int(os.environ.get("LOG_SAMPLING", "1"))


@cache
def _subject_key() -> bytes:
    """Made of the ARN of the KMS key, which is no secret: so each deployment has its own hash of a user."""
    return sha256(os.environ.get("KMS_KEY", "").encode()).digest()


def hash_of_subject(subject: str) -> str:
    """What stands for a user in the log: the same in each line, and by itself it tells nothing.

    Who reads the log and the ARN of the KMS key, which is an output of the stack, and has a list of subjects, can
    compute the hash of each.
    """
    return blake2b(subject.encode(), key=_subject_key(), digest_size=SUBJECT_OCTETS).hexdigest()


def _who() -> dict[str, str]:
    """The client and the user of the request at hand. A client that acts for itself is no user.

    Of a client that is the address of a document, the host: strangers choose the address, and no metric is by it.
    """
    if not told:
        return {}
    client_id, subject = told.get("client_id", ""), told.get("subject", "")
    if client_id.startswith(("https://", "http://")):
        who = {"client_host": host_of(client_id)}
    else:
        who = {"client_id": client_id} if client_id else {}
    return {**who, "subject": hash_of_subject(subject)} if subject and subject != client_id else who


def outcome_of(reason: str) -> str:
    """What a request with this reason counts as; a reason that is not listed is a bug of ours."""
    found, family = OUTCOMES.get(reason), reason
    while found is None and "_" in family:
        family = family.rpartition("_")[0]
        found = OUTCOMES.get(f"{family}_*")
    return found or BUG


def write_request(
    route: str, method: str, status: int, reason: str, request_id: str, began: float, **more: str
) -> None:
    """One line per request: what was asked by route, what came of it, nothing that was sent.

    `began` is what `time.perf_counter` said then. The line is a metric as well (CloudWatch's embedded metric format),
    so that it costs one line and not two. Where only one of several is written, it has its latency as often as there
    are requests that it stands for: so the metric counts all of them.
    """
    latency = f"{(time.perf_counter() - began) * 1000:.2f}"
    outcome = outcome_of(reason)
    if outcome == "ok" and (several := _one_of()) > 1:
        if int.from_bytes(os.urandom(4)) % several:
            return
        latency = f"[{','.join([latency] * several)}]"
    now = time.time()
    fields = {
        "route": route,
        "method": method,
        "status": status,
        "request_id": request_id,
        "reason": reason,
        "outcome": outcome,
        **_who(),
        **more,
    }
    latency_of = _latency(outcome, by_client="client_id" in fields)
    line = _line("INFO", reason, now, fields)
    _write(f'{line[:-1]},"Latency":{latency},{latency_of}{int(now * 1000)}}}}}')


def write_metric(message: str, name: str, value: float, unit: str, **told: str) -> None:
    """What a scheduled function has found out, as a metric without dimensions."""
    now = time.time()
    line = _line("INFO", message, now, {**told, name: value})
    _write(f"{line[:-1]},{_metric(name, unit)}{int(now * 1000)}}}}}")


def write_problem(problem: str, **told: str) -> None:
    """What an operator should look at; `told` has no value of a user or client."""
    _write(_line("ERROR", problem, time.time(), told))


def write_unexpected(request_id: str) -> None:
    """The exception that is being handled, with its traceback."""
    import traceback

    error = sys.exception()
    told = {"exception": "".join(traceback.format_exception(error)), "exception_name": type(error).__name__}
    _write(_line("ERROR", "unexpected", time.time(), {"request_id": request_id, **told}))


def _line(level: str, message: str, now: float, fields: Mapping[str, Any]) -> str:
    line = {"level": level, "message": message, "timestamp": _rfc3339(now), "service": SERVICE, **fields}
    if trace := os.environ.get("_X_AMZN_TRACE_ID"):
        line["xray_trace_id"] = trace.partition(";")[0].removeprefix("Root=")
    return json_text(line)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _rfc3339(now: float) -> str:
    """An instant in UTC, with milliseconds (RFC 3339 section 5.6)."""
    return f"{_second(int(now))}.{int(now * 1000) % 1000:03}+00:00"


@lru_cache(maxsize=1)  # of many lines in one second
def _second(now: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
