"""POST /device_authorization: the device authorization endpoint, RFC 8628 section 3.1; off by default."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.device_authorization import authorize_device
from authserver.wire.http import HttpRequest, HttpResponse, render
from authserver.wire.protocol import parse_client_request

services = bootstrap(orders_documents=True, stores=("tokens",))


@endpoint("POST")
def lambda_handler(request: HttpRequest) -> HttpResponse:
    client_request = parse_client_request(request)
    return render(authorize_device(client_request, services.at(request.origin, request.resource)))
