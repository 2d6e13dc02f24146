"""POST /revoke: the revocation endpoint, RFC 7009 section 2."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.revoke import revoke_token
from authserver.wire.http import HttpRequest, HttpResponse, render
from authserver.wire.protocol import parse_token_presented

services = bootstrap(orders_documents=True, stores=("tokens", "revocations"), jose=True, grants=False)


@endpoint("POST", cors=True)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    token_presented = parse_token_presented(request)
    document = revoke_token(token_presented, services.at(request.origin, request.resource))
    return render(document)
