"""The introspection endpoint: POST /introspect, RFC 7662 section 2; GET /introspect, by the token itself, of itself.

The path that an operator names returns the same in another form.
"""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.introspect import introspect_in_envelope, introspect_self, introspect_token
from authserver.errors import MethodNotAllowed
from authserver.messages.token import Document
from authserver.services import Services
from authserver.wire.http import HttpRequest, HttpResponse, render, render_not_found
from authserver.wire.protocol import parse_bearer, parse_token_presented

services = bootstrap(orders_documents=True, stores=("tokens",), checks=True, jose=True, grants=False)

NONE = Document({"message": "Not Found"})


@endpoint("GET", "POST")
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if "version" in request.path_parameters:
        return _at_operators_path(request, here)
    if request.method == "POST":
        return render(introspect_token(parse_token_presented(request), here))
    return render(introspect_self(parse_bearer(request), here, request.source))


def _at_operators_path(request: HttpRequest, here: Services) -> HttpResponse:
    if f"/{request.path_parameters['version']}/introspect" != here.settings.self_introspection_path:
        return render_not_found(NONE)
    if request.method == "POST":
        raise MethodNotAllowed("GET, HEAD")
    return render(introspect_in_envelope(parse_bearer(request), here, request.source))
