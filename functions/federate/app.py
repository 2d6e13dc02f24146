"""/federate and GET /federate/callback/{provider}: to an identity provider, and back from it; back also at the paths of
PlaceOS, /auth/oauth2/callback and /auth/oauth2/callback/{strategy}."""

from dataclasses import replace

from authserver.aws.apigateway import endpoint, no_such_path
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.federate import (
    begin_federation,
    finish_federation,
    lead_to_provider,
    provider_answering,
)
from authserver.errors import MethodNotAllowed
from authserver.pages import Pages
from authserver.services import Services
from authserver.wire.browser import parse_federation_form, parse_federation_response
from authserver.wire.http import HttpRequest, HttpResponse

THERE = "ANY /federate"

services = bootstrap(jose=True, goes_out=True)
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if request.route != THERE:
        return back(request, here)
    begin = begin_federation if request.method == "POST" else lead_to_provider
    return pages.render(begin(parse_federation_form(request), here), request)


def back(request: HttpRequest, here: Services) -> HttpResponse:
    response = parse_federation_response(request)
    provider = provider_answering(response, here)
    if provider is None:
        return no_such_path("callback_unknown")
    if request.method == "POST":
        raise MethodNotAllowed("GET, HEAD")
    return pages.render(finish_federation(replace(response, provider=provider), here), request)
