"""GET and POST /consent: the consent page of a pending authorization request."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.consent import decide, show_consent
from authserver.pages import Pages
from authserver.wire.browser import parse_consent_form, parse_interaction
from authserver.wire.http import HttpRequest, HttpResponse

services = bootstrap(jose="implicit")
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    if request.method == "POST":
        return pages.render(decide(parse_consent_form(request), here), request)
    return pages.render(show_consent(parse_interaction(request), here), request)
