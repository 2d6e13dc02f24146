"""Users, as the admin API reads and writes them."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from authserver.documents import Document, Identifier, Status, status_of
from authserver.identity import hashes
from authserver.identity.claims import (
    ATTRIBUTE,
    BIRTHDATE,
    LINE,
    LINES,
    LOCALE,
    LONGEST_NUMBER,
    MAX_VALUES,
    OF_ACCOUNTS,
    SCOPE_OF,
    STANDARD_ATTRIBUTES,
    WEB,
    ZONE,
    exceeded,
)
from authserver.identity.password import is_acceptable
from authserver.models.factors import Factors as StoredFactors
from authserver.models.users import User as StoredUser
from authserver.models.users import address_name
from authserver.values import Secret, looks_like_address, normalised_username

MIN_PASSWORD = 8  # NIST SP 800-63B section 3.1.1.2 asks for no less; composition rules it forbids


def _username(text: str) -> str:
    if not text.isprintable() or not normalised_username(text):
        raise ValueError("must be text without control characters")
    return text


def _password(text: str) -> str:
    if not is_acceptable(Secret(text)):
        raise ValueError("must be at most 1024 octets without NUL")
    return text


def require_own_name(username: str, email: str, *, verified: bool) -> None:
    """Raises `ValueError` where a new username looks like an e-mail address that is not known to be the user's."""
    if looks_like_address(username) and normalised_username(username) != address_name(email, verified=verified):
        raise ValueError("username: must have no @, unless it is the user's own verified email")


def _hash(text: str) -> str:
    hashes.parse(text)
    return text


Username = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_username)]
Password = Annotated[str, StringConstraints(min_length=MIN_PASSWORD, max_length=1024), AfterValidator(_password)]
PasswordHash = Annotated[str, StringConstraints(max_length=hashes.MAX_ENCODED_LENGTH), AfterValidator(_hash)]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^([^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+)?$")]
Name = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


def _matching(pattern: str) -> StringConstraints:
    return StringConstraints(pattern=f"^{pattern}$")


def _not_empty(value: Any) -> Any:
    if value in ("", ()):
        raise ValueError("must not be empty: leave it out, or set it to null")
    return value


Line = Annotated[str, _matching(LINE)]
Lines = Annotated[str, _matching(LINES)]
WebAddress = Annotated[str, _matching(WEB)]
AttributeName = Annotated[str, _matching(ATTRIBUTE)]
Number = Annotated[int, Field(ge=-LONGEST_NUMBER, le=LONGEST_NUMBER)]
Texts = Annotated[tuple[Annotated[Line, AfterValidator(_not_empty)], ...], Field(max_length=MAX_VALUES)]
AttributeValue = Annotated[bool | Number | Line | Texts, AfterValidator(_not_empty)]


# The members of a postal address: OpenID Connect Core section 5.1.1.
type AddressPart = Literal["formatted", "street_address", "locality", "region", "postal_code", "country"]


class Profile(Document):
    """What OpenID Connect Core section 5.1 knows of a person beside names and addresses of accounts, and, in
    `attributes`, what operators keep of them: text, whole numbers, true or false, lists of text."""

    given_name: Line = ""
    family_name: Line = ""
    middle_name: Line = ""
    nickname: Line = ""
    profile: WebAddress = ""
    picture: WebAddress = ""
    website: WebAddress = ""
    gender: Line = ""
    birthdate: Annotated[str, _matching(BIRTHDATE)] = Field(default="", description="YYYY-MM-DD, 0000-MM-DD or YYYY")
    zoneinfo: Annotated[str, _matching(ZONE)] = ""
    locale: Annotated[str, _matching(LOCALE)] = ""
    phone_number: Line = ""
    phone_number_verified: bool = False
    address: dict[AddressPart, Lines] = Field(default={})
    attributes: dict[AttributeName, AttributeValue] = Field(default={})

    def stored(self) -> dict[str, Any]:
        """What has a value, by name: `models.users.User.attributes`."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in STANDARD_ATTRIBUTES if name != "address"}
        address = {name: value for name, value in self.address.items() if value}
        return {name: value for name, value in {**fields, "address": address}.items() if value} | self.attributes


class BoundedProfile(Profile):
    """The same, of which no more is taken than is kept."""

    @model_validator(mode="after")
    def _attributes_fit(self) -> Self:
        if taken := sorted(self.attributes.keys() & {*SCOPE_OF, *OF_ACCOUNTS}):
            raise ValueError(f"attributes: {taken[0]} is a field of its own")
        if objection := exceeded(self.stored()):
            raise ValueError(objection)
        return self


def profile_of(user: StoredUser) -> dict[str, Any]:
    """The fields of `Profile`, of a user, as they are stored."""
    standard = {name: user.attributes[name] for name in STANDARD_ATTRIBUTES if name in user.attributes}
    own = {name: value for name, value in user.attributes.items() if name not in standard}
    return {**standard, "attributes": own}


class Account(Document):
    """An account, but for what is known of its person besides. Times are epoch seconds."""

    sub: str
    username: str
    name: str
    email: str
    email_verified: bool
    updated_at: int = Field(description="When a claim for applications last changed; 0 if none ever did")
    status: Status
    operator: bool = Field(description="May grant the scopes that only operators of this server grant")
    has_password: bool
    created_at: int


class User(Profile, Account):
    """A person with an account."""

    provided_by: dict[str, str] = Field(
        description="The provider of each attribute that came from one; once that is deleted, no claim tells it"
    )

    @classmethod
    def of(cls, user: StoredUser) -> Self:
        return cls.told(
            sub=user.sub,
            username=user.username,
            name=user.name,
            email=user.email,
            email_verified=user.email_verified,
            updated_at=user.updated_at,
            **profile_of(user),
            provided_by={name: user.source_of(name).provider for name in user.provided},
            status=status_of(user.status),
            operator=user.operator,
            has_password=bool(user.password_hash),
            created_at=user.created_at,
        )


class NewUser(BoundedProfile):
    """A user to be. With neither password nor hash they sign in through an identity provider, or not at all.

    A username has an `@` only if it is the user's own address, and `email_verified`. Such an address is a login name,
    as the username is.
    """

    username: Username
    sub: Identifier | None = Field(default=None, description="For imports; never that of another person before")
    password: Password | None = None
    password_hash: PasswordHash | None = Field(default=None, description="What another system stored of the password")
    name: Name = ""
    email: Email = ""
    email_verified: bool = False
    operator: bool = False

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_hash is not None:
            raise ValueError("password and password_hash exclude each other")
        return self

    @model_validator(mode="after")
    def _name_is_no_others_address(self) -> Self:
        require_own_name(self.username, self.email, verified=self.email_verified)
        return self


class UserChanges(BoundedProfile):
    """What can be changed of a user: what is left out is not looked at. A new e-mail address or phone number is not
    verified unless the same change says so."""

    name: Name = ""
    email: Email = ""
    email_verified: bool = False
    status: Status
    operator: bool


class NewPassword(Document):
    """The password from now on."""

    password: Password


class Factors(Document):
    """What a user has beyond a password. Recovery codes are those that are left."""

    authenticator_app: bool
    recovery_codes: int
    passkeys: int

    @classmethod
    def of(cls, factors: StoredFactors) -> Self:
        return cls(
            authenticator_app=factors.asks_for_code,
            recovery_codes=len(factors.recovery_codes),
            passkeys=len(factors.passkeys),
        )


class NewIdentity(Document):
    """The identity of a user at an identity provider: the issuer, and the subject there."""

    issuer: Annotated[str, StringConstraints(max_length=512, pattern=r"^https?://[\x21-\x7e]+$")]
    subject: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,255}$")]


class Identity(Document):
    """An identity that is a user's. Without `issuer` it is one that was linked before that was kept."""

    id: str
    sub: str
    issuer: str
    subject: str
    created_at: int = Field(description="When it was linked; 0 if that is not known")


class Identities(Document):
    """Every identity of a user, oldest first."""

    items: tuple[Identity, ...]


class Link(Document):
    """A link that was sent by mail and can still be used. The link itself cannot be read again."""

    id: str
    purpose: str = Field(description="password_reset or email_verification")
    address: str
    created_at: int
    expires_at: int


class Links(Document):
    """Every link of a user that can still be used, oldest first."""

    items: tuple[Link, ...]
