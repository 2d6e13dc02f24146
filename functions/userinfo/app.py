"""GET and POST /userinfo: OpenID Connect Core section 5.3, at the issuer; and at the ResourceApi, behind its
authorizer."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.userinfo import Presented, userinfo, userinfo_of
from authserver.values import Scope
from authserver.wire.http import HttpRequest, HttpResponse, render, render_resource_error
from authserver.wire.protocol import parse_access_token

services = bootstrap(stores=("tokens", "users"), checks=True, jose=True, grants=False)


@endpoint("GET", "POST", cors=True, render_error=render_resource_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    known = request.authorizer
    if "authorization_id" in known:  # it has checked the token, and that its scope has openid
        scope, organisation = Scope.parse(known["scope"]), known.get("org", "")
        presented = Presented(known["sub"], known["client_id"], scope, known["authorization_id"], organisation)
        return render(userinfo_of(presented, here))
    return render(userinfo(parse_access_token(request), here))
