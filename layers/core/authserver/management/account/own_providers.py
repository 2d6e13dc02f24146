"""The identity providers of an organisation, for its administrators: how its members sign in.

These decide which users can sign in. So they are for the organisation's own pages, and take a new sign-in; no
operation of the account API changes them, and so no application does. Which e-mail domains lead to a provider is for
operators to say, who look whose they are.
"""

from typing import Any

from authserver.documents import identity_provider as documents
from authserver.management import Answer, Call, Conflict, Invalid, NotFound
from authserver.management.account.acting import administered, administration
from authserver.management.admin.identity_providers import patched, wrapped
from authserver.management.audited import act
from authserver.models.configuration import IdentityProvider
from authserver.models.organisations import Organisation
from authserver.services import Services

SHOWN = "has a button on the sign-in page of every user; an operator changes it"
CHANGEABLE = ("name", "issuer", "client_id", "client_secret", "token_endpoint_auth_method", "status")


def list_own_providers(call: Call, services: Services) -> Answer:
    """The identity providers of the organisation, as a list that decides nothing."""
    organisation = administered(call, services)
    own = (one for one in services.identity_providers.list() if one.organisation == organisation.id)
    return Answer(document={"items": [_write(provider, services) for provider in own]})


def get_own_provider(call: Call, services: Services) -> Answer:
    """One of them."""
    return Answer(document=_write(_provider(call, administered(call, services), services), services))


@act("identity_provider.changed", "idp")
def change_own_provider(call: Call, services: Services) -> Answer:
    """Changes one of them, in one write, if it is still as it was looked at, and the user an administrator.

    Another issuer does not know the users of the one before, and operators trusted the one before:
    neither does it sign up new users, nor does its word on addresses count, nor are claims taken from those of other
    names, until an operator says so again. Its button for every user is removed as well, since it would lead people to
    it that do not belong to the organisation; for the same reason a name that is there stays as it is.
    """
    organisation, own = administration(call, services)
    provider = _provider(call, organisation, services)
    if not call.body.keys() <= set(CHANGEABLE):
        raise Invalid("(document)", "has what only operators change")
    given = patched(call, provider)
    if provider.shown and given.name != provider.name:
        raise Invalid("name", SHOWN)
    changes: dict[str, Any] = {name: getattr(given, name) for name in CHANGEABLE if name != "client_secret"}
    if "client_secret" in call.body or given.token_endpoint_auth_method == "none":
        changes["client_secret"] = wrapped(given, services)
    elif not provider.client_secret:
        raise Invalid("client_secret", "is needed to say who we are")
    if given.issuer != provider.issuer:
        changes |= {"sign_up": False, "trusts_email": False, "shown": False, "claims": {}}
    changed = services.identity_providers.change(provider, own, **changes)
    if changed is None:
        raise Conflict("This was changed by somebody else meanwhile; look at it again")
    return Answer(document=_write(changed, services))


def _provider(call: Call, organisation: Organisation, services: Services) -> IdentityProvider:
    provider = services.identity_providers.get(call.path["idp"])
    if provider is None or provider.organisation != organisation.id:
        raise NotFound("identity provider")
    return provider


def _write(provider: IdentityProvider, services: Services) -> dict[str, Any]:
    """A provider, with the redirect URI that has to be registered there."""
    callback = f"{services.settings.issuer}/federate/callback/{provider.id}"
    return {**documents.DescribedProvider.of(provider).model_dump(mode="json"), "callback": callback}
