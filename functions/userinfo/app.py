"""GET and POST /userinfo: OpenID Connect Core section 5.3, at the issuer; and at the ResourceApi, behind its
authorizer."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.userinfo import userinfo, userinfo_of
from authserver.values import Scope
from authserver.wire.http import HttpRequest, HttpResponse, render, render_resource_error
from authserver.wire.protocol import parse_access_token

services = bootstrap(stores=("tokens", "users"), checks=True, jose=True)


@endpoint("GET", "POST", cors=True, render_error=render_resource_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if "authorization_id" in request.authorizer:  # it has checked the token, and that its scope has openid
        return render(userinfo_of(request.authorizer["sub"], Scope.parse(request.authorizer["scope"]), here))
    return render(userinfo(parse_access_token(request), here))
