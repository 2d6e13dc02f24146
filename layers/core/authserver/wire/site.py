"""Requests for our own pages."""

from urllib.parse import quote

from authserver.messages.site import Visit
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
    for name, value in request.path_parameters.items():
        filled = filled.replace(f"{{{name}}}", quote(value, safe=""))
    return Visit(
        method=request.method,
        route=route,
        path=filled.removeprefix("/"),
        path_parameters=request.path_parameters,
        query=query,
        form=form,
        session=request.cookies.get(SESSION_COOKIE),
        source=request.source,
        device=device_of(request),
        device_cookie=request.cookies.get(DEVICE_COOKIE),
        languages=languages_of(query.get("ui_locales", ""), request),
        held_link=request.cookies.get(LINK_COOKIE, ""),
    )
