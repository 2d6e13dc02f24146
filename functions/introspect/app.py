"""POST /introspect: the introspection endpoint, RFC 7662 section 2."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.introspect import introspect_token
from authserver.wire import HttpRequest, HttpResponse, parse_token_presented, render

services = bootstrap(jose=True)


@endpoint("POST")
def lambda_handler(request: HttpRequest) -> HttpResponse:
    token_presented = parse_token_presented(request)
    document = introspect_token(token_presented, services.at(request.origin, request.resource))
    return render(document)
