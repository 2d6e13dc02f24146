"""GET and POST /userinfo: OpenID Connect Core section 5.3. The authorizer lets nobody in without the scope openid."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.userinfo import userinfo
from authserver.errors import InvalidToken
from authserver.values import Scope
from authserver.wire.http import HttpRequest, HttpResponse, render

services = bootstrap(stores=("users",))


@endpoint("GET", "POST", cors=True)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    subject, scope = request.authorizer.get("sub"), Scope.parse(request.authorizer.get("scope", ""))
    if subject is None or "openid" not in scope:
        raise InvalidToken("An access token is required", reason="authorizer_missing")
    return render(userinfo(subject, scope, services))
