"""What the consent page says that a client may do, and what it may not."""

from authserver.marks import N_
from authserver.messages.authorization import ValidatedAuthorizationRequest
from authserver.messages.browser import ConsentForm, Interaction, OrganisationOffer, Permission
from authserver.models.browsers import Consent
from authserver.models.users import User
from authserver.scopes import ADMINISTRATOR, OF_OUR_APIS, OPERATOR, covered
from authserver.services import Services
from authserver.storage.standing import Ends
from authserver.values import Scope

from .under_way import is_standing, optional_scope

NAMED = 3  # of what the client cannot do, besides what none can
PASSWORD = N_("See your password")
SECURITY = N_("Change how you sign in")


def permissions(
    request: ValidatedAuthorizationRequest,
    interaction: Interaction,
    consent: Consent | None,
    ends: Ends,
    offered: OrganisationOffer | None,
    user: User | None,
    services: Services,
) -> tuple[Permission, ...]:
    """Each scope that is asked for. What may be left out and this user can never allow is left out without a word."""
    catalogue = services.scopes()
    optional = optional_scope(request, services)
    standing = consent if is_standing(consent, request, ends, services) else None
    unticked = _unticked(optional, interaction, standing)
    had = covered(request.scope, standing.scope, services.scopes) if standing else Scope()
    known = had | standing.declined if standing else Scope()
    found = []
    for definition in catalogue.describe(request.scope):
        is_optional = definition.name in optional
        words = catalogue.grantable_by(Scope((definition.name,)))
        if is_optional and OPERATOR in words and not (user and user.operator):
            continue
        found.append(
            Permission(
                definition,
                optional=is_optional,
                chosen=definition.name not in unticked,
                is_new=bool(had) and definition.name not in known,
                needs_approval=ADMINISTRATOR in words and not (offered and offered.is_administrator),
            )
        )
    return tuple(found)


def beyond(request: ValidatedAuthorizationRequest, services: Services) -> tuple[str, ...]:
    """What the client cannot do with all that it asks for, in the catalogue's words and in ours.

    Ours are said only where they hold: some clients take passwords themselves, and some reach the account's own API.
    """
    catalogue = services.scopes()
    said = []
    if "password" not in request.client.grant_types:
        said.append(PASSWORD)
    if not catalogue.expand(request.scope) & OF_OUR_APIS:
        said.append(SECURITY)
    return (*said, *(definition.description for definition in catalogue.beyond(request.scope)[:NAMED]))


def _unticked(optional: Scope, interaction: Interaction, standing: Consent | None) -> Scope:
    """What is left out: by the form that comes back, or by what the user said before."""
    if isinstance(interaction, ConsentForm):
        return Scope(tuple(name for name in optional if name not in interaction.scope))
    return optional & standing.declined if standing else Scope()
