"""POST /refresh: the token endpoint with the refresh grant alone, RFC 6749 section 6; the template loads no other."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.token import issue_token
from authserver.wire.http import HttpRequest, HttpResponse, render
from authserver.wire.protocol import parse_token_request

services = bootstrap(orders_documents=True, stores=("tokens",), issues=True, jose=True, has_bridge=True)


@endpoint("POST", cors=True)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    token_request = parse_token_request(request)
    token_response = issue_token(token_request, services.at(request.origin, request.resource))
    return render(token_response)
