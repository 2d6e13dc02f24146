"""/register: clients register themselves (RFC 7591) and manage what they registered (RFC 7592); off by default."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.management.registration.operations import serve
from authserver.wire.http import HttpRequest, HttpResponse

services = bootstrap()


@endpoint("GET", "POST", "PUT", "DELETE", cors=True)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    return serve(request, services.at(request.origin, request.resource))
