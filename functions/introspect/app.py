"""The introspection endpoint: POST /introspect, RFC 7662 section 2; GET /introspect, by the token itself, of itself."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.introspect import introspect_self, introspect_token
from authserver.wire.http import HttpRequest, HttpResponse, render
from authserver.wire.protocol import parse_bearer, parse_token_presented

services = bootstrap(orders_documents=True, stores=("tokens",), checks=True, jose=True)


@endpoint("GET", "POST")
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if request.method == "POST":
        return render(introspect_token(parse_token_presented(request), here))
    return render(introspect_self(parse_bearer(request), here))
