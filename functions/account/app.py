"""/account/…: what users see and change of their own. The authorizer requires the route's scope."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.aws.routes import Paths
from authserver.management import render_error, serve
from authserver.management.account.operations import OPERATIONS
from authserver.wire.http import HttpRequest, HttpResponse

services = bootstrap(grants=False)
paths = Paths(operation.route for operation in OPERATIONS)


@endpoint("GET", "POST", "PUT", "PATCH", "DELETE", cors=True, render_error=render_error, find_route=paths.find)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    return serve(request, OPERATIONS, services.at(request.origin, request.resource))
