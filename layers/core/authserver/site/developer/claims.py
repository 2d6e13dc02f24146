"""What is in a token, in words."""

from authserver.marks import N_

CLAIMS = {
    "iss": N_("Who issued it."),
    "sub": N_("Whom it is about: a user's identifier here, or the app's own."),
    "aud": N_("Whom it is for: an API, or in an ID token the app."),
    "exp": N_("When it ends, in seconds since 1970."),
    "iat": N_("When it was issued."),
    "nbf": N_("Before when it is not to be taken."),
    "jti": N_("Its own identifier."),
    "client_id": N_("The app that it was issued to."),
    "scope": N_("What it lets its holder do."),
    "auth_time": N_("When the user signed in."),
    "acr": N_("How strongly the user signed in."),
    "amr": N_("By what the user signed in."),
    "nonce": N_("What the app sent with its request."),
    "at_hash": N_("Ties the ID token to the access token."),
    "azp": N_("The app that the ID token was issued to."),
    "sid": N_("The session that the user signed in with."),
    "org": N_("The organisation that it acts for."),
    "entities": N_("The companies of that organisation."),
    "authorization_details": N_("The same in the words of RFC 9396."),
    "name": N_("The user's name."),
    "preferred_username": N_("The user's login name."),
    "email": N_("The user's email address."),
    "email_verified": N_("Whether somebody has shown that the address is theirs."),
    "alg": N_("How it is signed."),
    "kid": N_("With which of the published keys."),
    "typ": N_("What kind of token it is."),
}
