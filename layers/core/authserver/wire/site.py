"""Requests for our own pages."""

from authserver.errors import InvalidRequest
from authserver.messages.site import Visit
from authserver.values import from_segment, segment_of
from authserver.wire.cookies import DEVICE_COOKIE, LINK_COOKIE, SESSION_COOKIE, device_of, languages_of
from authserver.wire.forms import read_form, read_query, single
from authserver.wire.http import HttpRequest


def parse_visit(request: HttpRequest) -> Visit:
    """A visit to a page of ours, or a form of it, in which any field may repeat. Raises `InvalidRequest`."""
    form: dict[str, tuple[str, ...]] = {}
    for name, value in read_form(request) if request.method == "POST" else ():
        form[name] = (*form.get(name, ()), value)
    route = request.route.partition(" ")[2]
    filled = route
    query = single(read_query(request))
    path_parameters = _path_parameters(request)
    for name, value in path_parameters.items():
        filled = filled.replace(f"{{{name}}}", segment_of(value))
    return Visit(
        method=request.method,
        route=route,
        path=filled.removeprefix("/"),
        path_parameters=path_parameters,
        query=query,
        form=form,
        session=request.cookies.get(SESSION_COOKIE),
        source=request.source,
        device=device_of(request),
        device_cookie=request.cookies.get(DEVICE_COOKIE),
        languages=languages_of(query.get("ui_locales", ""), request),
        held_link=request.cookies.get(LINK_COOKIE, ""),
        request_id=request.id,
    )


def _path_parameters(request: HttpRequest) -> dict[str, str]:
    try:
        return {name: from_segment(value) for name, value in request.path_parameters.items()}
    except ValueError:
        raise InvalidRequest("The address is not well-formed", reason="path_malformed") from None
