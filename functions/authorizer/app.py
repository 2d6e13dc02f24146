"""The Lambda authorizer of the ResourceApi, and of any API that an operator puts it in front of: RFC 6750."""

from authserver.aws.authorizer import authorizer
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.access import check_access
from authserver.messages.access import AccessRequest, ActiveAccessToken

services = bootstrap(stores=("tokens",), checks=True, jose=True, grants=False)


@authorizer(accepts_token_events=services.settings.accepts_token_events)
def lambda_handler(request: AccessRequest) -> ActiveAccessToken:
    return check_access(request, services)
