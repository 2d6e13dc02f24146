"""POST /federate and GET /federate/callback/{provider}: to an identity provider, and back from it."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.browsers.federate import begin_federation, finish_federation
from authserver.errors import MethodNotAllowed
from authserver.pages import Pages
from authserver.wire.browser import parse_federation_form, parse_federation_response
from authserver.wire.http import HttpRequest, HttpResponse

services = bootstrap(jose=True, goes_out=True)
pages = Pages(services)


@endpoint("GET", "POST", render_error=pages.render_error)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    is_answer = "provider" in request.path_parameters
    if is_answer and request.method != "POST":
        return pages.render(finish_federation(parse_federation_response(request), here), request)
    if not is_answer and request.method == "POST":
        return pages.render(begin_federation(parse_federation_form(request), here), request)
    raise MethodNotAllowed("GET, HEAD" if is_answer else "POST")
