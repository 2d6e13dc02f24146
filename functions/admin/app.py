"""/admin/…: the API for operators. The authorizer requires the route's scope.

GET /openapi.json says what this API and the others offer; it needs no token.
"""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.aws.routes import Paths
from authserver.management import render_error, serve
from authserver.management.admin.operations import OPENAPI, OPERATIONS
from authserver.wire.http import HttpRequest, HttpResponse

services = bootstrap(orders_mail=True, orders_erasures=True, orders_deliveries=True)
paths = Paths(operation.route for operation in OPERATIONS)


@endpoint("GET", "POST", "PUT", "PATCH", "DELETE", cors=True, render_error=render_error, find_route=paths.find)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if request.route == OPENAPI:
        from authserver.management import openapi  # no operator's call needs the operations of every API

        return openapi.render(here.settings)
    return serve(request, OPERATIONS, here)
