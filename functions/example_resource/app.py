"""An example API behind the authorizer; replace it with your own. It knows the caller from the authorizer's context.

GET /me answers any valid token. GET /items needs the scope read and lists fixed items. POST /items needs the scope
write and answers with the item that it would add; it stores nothing.
"""

import json

from authserver.aws.apigateway import endpoint
from authserver.errors import InvalidRequest, InvalidToken
from authserver.messages.token import Document
from authserver.wire.http import HttpRequest, HttpResponse, render

ITEMS = ({"id": 1, "name": "a first item"}, {"id": 2, "name": "a second item"})


@endpoint("GET", "POST", cors=True)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    if "sub" not in request.authorizer:
        raise InvalidToken("An access token is required", reason="authorizer_missing")
    match request.route:
        case "GET /me":
            return render(Document({name: request.authorizer.get(name, "") for name in ("sub", "client_id", "scope")}))
        case "GET /items":
            return render(Document({"items": ITEMS}))
        case _:
            return render(Document({"id": len(ITEMS) + 1, "name": _name_of_item(request)}))


def _name_of_item(request: HttpRequest) -> str:
    try:
        name = json.loads(request.body)["name"]
    except (KeyError, RecursionError, TypeError, ValueError):
        raise InvalidRequest("The body must be a JSON object with a name", reason="body_malformed") from None
    if not isinstance(name, str) or not 0 < len(name) <= 100:
        raise InvalidRequest("name must be 1 to 100 characters", reason="name_malformed")
    return name
