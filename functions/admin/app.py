"""/admin/…: the API of those who run this server. The authorizer lets nobody in without the scope of the route."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.management import clients, render_error, serve
from authserver.wire import HttpRequest, HttpResponse

OPERATIONS = (*clients.OPERATIONS,)
services = bootstrap()


@endpoint("GET", "POST", "PUT", "PATCH", "DELETE", cors=True, render_error=render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    return serve(request, OPERATIONS, services.at(request.origin, request.resource))
