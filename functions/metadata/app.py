"""GET /.well-known/…: what this server says of itself, RFC 8414, OpenID Connect Discovery, RFC 9728 and RFC 7517."""

from authserver.aws.apigateway import endpoint
from authserver.aws.bootstrap import bootstrap
from authserver.endpoints.machines.metadata import (
    are_all_published,
    find_resource,
    is_of_this_issuer,
    json_web_key_set,
    resource_metadata,
    server_metadata,
)
from authserver.messages.token import Document
from authserver.services import Services
from authserver.tokens.keyring import JWKS_MAX_AGE
from authserver.wire.http import HttpRequest, HttpResponse, render_cacheable, render_not_found

NONE = Document({"error": "not_found"})

OTHERS_KEYS = ("/discovery/keys", "/certs")  # where PlaceOS and Keycloak have them

services = bootstrap(stores=())


@endpoint("GET", cors=True)
def lambda_handler(request: HttpRequest) -> HttpResponse:
    here = services.at(request.origin, request.resource)
    match request.route.partition("/.well-known/")[2]:
        case "jwks.json":
            return keys(here)
        case "oauth-protected-resource" | "oauth-protected-resource/{path+}":
            found = find_resource(request.address, request.path_parameters.get("path", ""), here)
            return render_cacheable(resource_metadata(found, here), JWKS_MAX_AGE) if found else render_not_found(NONE)
        case "" if request.route.endswith(OTHERS_KEYS):
            return keys(here)
        case "":  # /resource-metadata, which is no well-known path
            return render_cacheable(resource_metadata(here.settings.resource, here), JWKS_MAX_AGE)
        case _ if "path" in request.path_parameters and not is_of_this_issuer(request.path_parameters["path"], here):
            return render_not_found(NONE)
        case _:
            return render_cacheable(server_metadata(here), JWKS_MAX_AGE)


def keys(here: Services) -> HttpResponse:
    return render_cacheable(json_web_key_set(here), JWKS_MAX_AGE if are_all_published(here) else 0)
