"""What went wrong between an app and this server, in words for the app's developer."""

from authserver.marks import N_
from authserver.models.journal import Refusal

REASONS = {
    "client_secret": N_("The client secret is wrong, or has ended."),
    "credentials_in_query": N_(
        "A secret or a client_assertion was in the address, and addresses end up in logs. Make a new secret, and send"
        " it in the Authorization header or in the form."
    ),
    "client_method": N_("The app authenticated in another way than it is registered for."),
    "assertion_incomplete": N_("client_assertion and client_assertion_type have to be sent together."),
    "assertion_type": N_("The client_assertion_type is not the one of JWTs."),
    "assertion_malformed": N_("The client_assertion is no signed JWT."),
    "assertion_typ": N_("The client_assertion is a token for something else, as its typ says."),
    "assertion_alg": N_("The client_assertion is signed by an algorithm that is not allowed for the app."),
    "assertion_unknown_kid": N_("None of the app's keys fits the client_assertion. Does its header name the kid?"),
    "assertion_signature": N_("The signature of the client_assertion is wrong."),
    "assertion_issuer": N_("iss and sub of the client_assertion both have to be the client identifier."),
    "assertion_audience": N_("aud of the client_assertion has to be the issuer of this service, and nothing else."),
    "assertion_jti": N_("The client_assertion needs a jti of at most 255 characters."),
    "assertion_times": N_("The client_assertion needs an exp, and its times have to be numbers."),
    "assertion_expired": N_("The client_assertion has expired. Is the app's clock right?"),
    "assertion_lifetime": N_(
        "The client_assertion would be valid for more than an hour. Make a new one for each request."
    ),
    "assertion_not_yet": N_("The client_assertion begins in the future. Is the app's clock right?"),
    "assertion_used": N_("The client_assertion was used before. Make a new one for each request."),
    "client_disabled": N_("The app is disabled."),
    "throttled": N_("The client secret was tried too often."),
    "grant_type_not_allowed": N_("The app may not use this grant type. Add it in the settings."),
    "redirect_uri_unknown": N_("The redirect URI is not one of the app's. It has to be the same letter by letter."),
    "redirect_uri_missing": N_("The request has no redirect URI."),
    "redirect_uri_repeated": N_("The request has more than one redirect URI."),
    "redirect_uri_unsafe": N_("The redirect URI may not be used."),
    "redirect_uri_mismatch": N_("The redirect URI of the token request is not the one that the code was asked with."),
    "redirect_uri_gone": N_("The redirect URI is not in the app's metadata document any more."),
    "code_garbage": N_("The authorization code is not one of ours. Was it cut off or encoded twice?"),
    "code_unknown": N_("The authorization code is not known any more."),
    "code_expired": N_("The authorization code was exchanged too late."),
    "code_replayed": N_("An authorization code was used twice. What it gave has ended."),
    "code_revoked": N_("The authorization code belongs to a connection that has ended."),
    "code_missing": N_("The token request has no code."),
    "code_challenge_missing": N_("The authorization request has no code_challenge. PKCE is required."),
    "code_challenge_method": N_("The code_challenge_method has to be S256."),
    "code_challenge_malformed": N_("The code_challenge is none: it has 43 letters, digits, - and _."),
    "verifier_missing": N_("The token request has no code_verifier."),
    "verifier_mismatch": N_("The code_verifier does not fit the code_challenge."),
    "verifier_unexpected": N_("There is a code_verifier, but the authorization request had no code_challenge."),
    "refresh_token_missing": N_("The request has no refresh_token."),
    "refresh_garbage": N_("The refresh token is not one of ours. Was it cut off or encoded twice?"),
    "refresh_not_genuine": N_("The refresh token is not one of ours."),
    "refresh_expired": N_("The refresh token has expired: the person has to connect the app again."),
    "refresh_revoked": N_("The connection of the refresh token has ended."),
    "refresh_reused": N_(
        "An old refresh token was used again, so its connection has ended. Keep the newest one alone."
    ),
    "bridge_refused": N_("The system that was here before does not know the refresh token, or not any more."),
    "bridge_of_another_client": N_("The refresh token of the system that was here before belongs to another app."),
    "bridge_ended": N_("The connection was made in the system that was here before, and has been ended here."),
    "authorization_revoked": N_("The connection has ended."),
    "authorization_expired": N_("The connection is over: the person has to connect the app again."),
    "authorization_unknown": N_("There is no such connection."),
    "authorization_of_another_client": N_("The code or the token belongs to another app."),
    "ended": N_("The connection was ended by its user or by an administrator."),
    "scope_withdrawn": N_(
        "Nothing is left of what the app was allowed: its scope was cut, or an administrator has to allow it now."
    ),
    "token_too_long": N_("The access token would be too long. Ask for less scope."),
    "scope_exceeds_client": N_("The app asked for a scope that it is not registered for."),
    "scope_exceeds_grant": N_("The app asked for more than it was allowed."),
    "scope_malformed": N_("The scope has a character that scopes cannot have."),
    "scope_missing": N_("The request has no scope, and the app no default one."),
    "openid_missing": N_("The request needs the scope openid."),
    "resource_unknown": N_("The resource is none that tokens are issued for."),
    "resource_not_granted": N_("The resource was not asked for when the app was allowed."),
    "resources_too_many": N_("The request asks for too many resources at once."),
    "resource_malformed": N_("The resource is not an absolute address."),
    "response_type_missing": N_("The request has no response_type."),
    "response_type_unsupported": N_("This service does not know the response_type."),
    "response_type_not_allowed": N_("The app may not use this response_type."),
    "response_mode_unsupported": N_("The response_mode cannot be used here."),
    "nonce_missing": N_("The request has no nonce."),
    "nonce_too_long": N_("The nonce is too long."),
    "state_too_long": N_("The state is too long to be sent back."),
    "prompt_unsupported": N_("The prompt is none that this service knows."),
    "max_age_malformed": N_("The max_age is not a number of seconds."),
    "parameter_repeated": N_("The request has a parameter more than once."),
    "client_public": N_("An app without a secret cannot do this."),
    "user_unknown": N_("The account is not there any more, or is disabled."),
}
BY_ERROR = {
    "invalid_client": N_("The app could not be authenticated."),
    "invalid_grant": N_("The code or the refresh token was not taken."),
    "invalid_scope": N_("The scope was not taken."),
    "invalid_request": N_("The request was malformed."),
    "invalid_target": N_("The resource was not taken."),
    "unauthorized_client": N_("The app may not do this."),
}
KEY_SET = N_("The app's keys could not be had from its jwks_uri, or are none that we can use.")
OTHER = N_("The request was refused.")


def explain(refusal: Refusal) -> str:
    """A sentence for a refusal."""
    if refusal.reason.startswith("key_set_"):
        return KEY_SET
    return REASONS.get(refusal.reason) or BY_ERROR.get(refusal.error, OTHER)
