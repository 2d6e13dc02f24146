"""The errors of the protocol: one class per registered code, each citing its section.

``description`` is constant text that may go on the wire. ``reason`` is a short tag for logs and metrics and never
leaves the server. Nothing that came from outside belongs in either.
"""

from typing import ClassVar


class OAuthError(Exception):
    """An error that the protocol knows how to say.

    `error` is the registered code, `status` the HTTP status where the answer is not a redirect, `section` its source.
    """

    error: ClassVar[str]
    status: ClassVar[int] = 400
    section: ClassVar[str]

    def __init__(self, description: str, *, reason: str) -> None:
        super().__init__(description)
        self.description = description
        self.reason = reason


class InvalidRequest(OAuthError):
    error = "invalid_request"
    section = "RFC 6749 section 5.2"


class RequestEnded(InvalidRequest):
    """The request of a page has been answered before, or has expired. `place` is where the application is, empty if
    that is unknown."""

    def __init__(self, description: str, *, reason: str, place: str = "") -> None:
        super().__init__(description, reason=reason)
        self.place = place


class UnsupportedMediaType(InvalidRequest):
    status = 415


class RequestTooLarge(InvalidRequest):
    status = 413


class MethodNotAllowed(InvalidRequest):
    """`allow` is the value of the Allow header (RFC 9110 section 10.2.1)."""

    status = 405

    def __init__(self, allow: str) -> None:
        super().__init__("This endpoint does not support the request method", reason="method_not_allowed")
        self.allow = allow


class InvalidClient(OAuthError):
    error = "invalid_client"
    status = 401
    section = "RFC 6749 section 5.2"


class UnusableDocument(OAuthError):
    """A client's metadata document does not make it a client here."""

    error = "invalid_client"
    section = "draft-ietf-oauth-client-id-metadata-document section 4"


class InvalidGrant(OAuthError):
    error = "invalid_grant"
    section = "RFC 6749 section 5.2"


class UnauthorizedClient(OAuthError):
    error = "unauthorized_client"
    section = "RFC 6749 section 5.2"


class UnsupportedGrantType(OAuthError):
    error = "unsupported_grant_type"
    section = "RFC 6749 section 5.2"


class DevicesTurnedOff(UnsupportedGrantType):
    """This deployment lets no device wait for its user: there is no such endpoint."""

    status = 404
    section = "RFC 8628 section 3.1"


class InvalidScope(OAuthError):
    error = "invalid_scope"
    section = "RFC 6749 section 5.2"


class InvalidTarget(OAuthError):
    error = "invalid_target"
    section = "RFC 8707 section 2"


class InvalidAuthorizationDetails(OAuthError):
    error = "invalid_authorization_details"
    section = "RFC 9396 section 5"


class UnsupportedResponseType(OAuthError):
    error = "unsupported_response_type"
    section = "RFC 6749 section 4.1.2.1"


class AccessDenied(OAuthError):
    error = "access_denied"
    section = "RFC 6749 section 4.1.2.1"


class AuthorizationPending(OAuthError):
    error = "authorization_pending"
    section = "RFC 8628 section 3.5"


class SlowDown(OAuthError):
    error = "slow_down"
    section = "RFC 8628 section 3.5"


class ExpiredToken(OAuthError):
    error = "expired_token"
    section = "RFC 8628 section 3.5"


class LoginRequired(OAuthError):
    error = "login_required"
    section = "OpenID Connect Core section 3.1.2.6"


class ConsentRequired(OAuthError):
    error = "consent_required"
    section = "OpenID Connect Core section 3.1.2.6"


class UnmetAuthenticationRequirements(OAuthError):
    """Its user cannot sign in as the request asks."""

    error = "unmet_authentication_requirements"
    section = "OpenID Connect Core Unmet Authentication Requirements 1.0 section 2"


class RequestNotSupported(OAuthError):
    error = "request_not_supported"
    section = "OpenID Connect Core section 3.1.2.6"


class RequestUriNotSupported(OAuthError):
    error = "request_uri_not_supported"
    section = "OpenID Connect Core section 3.1.2.6"


class RegistrationNotSupported(OAuthError):
    error = "registration_not_supported"
    section = "OpenID Connect Core section 3.1.2.6"


class RegistrationClosed(OAuthError):
    """This deployment lets no client register itself."""

    error = "access_denied"
    status = 403
    section = "RFC 7591 section 3"


class InvalidRedirectUri(OAuthError):
    error = "invalid_redirect_uri"
    section = "RFC 7591 section 3.2.2"


class InvalidClientMetadata(OAuthError):
    error = "invalid_client_metadata"
    section = "RFC 7591 section 3.2.2"


class InvalidSoftwareStatement(OAuthError):
    error = "invalid_software_statement"
    section = "RFC 7591 section 3.2.2"


class UnsupportedTokenType(OAuthError):
    error = "unsupported_token_type"
    section = "RFC 7009 section 2.2.1"


class InvalidToken(OAuthError):
    error = "invalid_token"
    status = 401
    section = "RFC 6750 section 3.1"


class InsufficientScope(OAuthError):
    """`scope` is what the route asks for, which the challenge tells."""

    error = "insufficient_scope"
    status = 403
    section = "RFC 6750 section 3.1"

    def __init__(self, description: str, *, reason: str, scope: str = "") -> None:
        super().__init__(description, reason=reason)
        self.scope = scope


class NotThroughEdge(OAuthError):
    """The deployment is behind CloudFront, and the request did not come from there."""

    error = "access_denied"
    status = 403
    section = "RFC 9110 section 15.5.4"


class TooManyAttempts(OAuthError):
    """`retry_after` is in seconds (RFC 6585 section 4)."""

    error = "access_denied"
    status = 429
    section = "RFC 6585 section 4"

    def __init__(self, retry_after: int, description: str = "Too many attempts") -> None:
        super().__init__(description, reason="throttled")
        self.retry_after = retry_after


class TooManyRegistrations(TooManyAttempts):
    """The same of clients that register themselves; RFC 7591 section 3.2.2 has no code for it."""

    error = "too_many_requests"


class TooManyPasswords(TooManyAttempts):
    """The same at the token endpoint, whose code for a password that it does not take is `invalid_grant`."""

    error = "invalid_grant"
    section = "RFC 6749 sections 4.3.2 and 5.2"


class TooManySecrets(TooManyAttempts):
    """The same for a client's secret."""

    error = "invalid_client"
    section = "RFC 6749 sections 2.3.1 and 5.2"


class TooManyDevices(TooManyAttempts):
    """The same for devices that wait for their users. It is no denial of an authorization."""

    error = "slow_down"
    section = "RFC 8628 section 3.5"


class TooManyForeignTokens(TooManyAttempts):
    """The same for refresh tokens of another system. Not `invalid_grant`, at which clients throw their token away."""

    error = "temporarily_unavailable"


class TemporarilyUnavailable(OAuthError):
    """A store or a key service did not answer. Nothing was decided, and nothing is half done."""

    error = "temporarily_unavailable"
    status = 503
    section = "RFC 6749 section 4.1.2.1"


class UnreachableDocument(TemporarilyUnavailable):
    """A client's metadata document cannot be fetched now."""


class ServerError(OAuthError):
    error = "server_error"
    status = 500
    section = "RFC 6749 section 4.1.2.1"
