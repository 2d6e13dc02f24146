"""Values that are parsed once and valid ever after.

Every type here has a ``parse`` that raises `ValueError` on anything the specification does not allow; code that holds
an instance need not check again.
"""

import hashlib
import hmac
import json
import re
import unicodedata
from base64 import b32encode
from binascii import a2b_base64, b2a_base64
from collections.abc import Container, Iterable, Iterator
from dataclasses import field
from json.encoder import JSONEncoder, c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]  # typeshed has it not
from typing import Any, Self
from urllib.parse import SplitResult, parse_qsl, quote, unquote, unquote_to_bytes, urlsplit

from authserver.records import dataclass

SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
TO_BASE64URL, FROM_BASE64URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")

RESPONSE_PARAMETERS = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
LOOPBACK_LITERALS = ("127.0.0.1", "::1")
# A URI with an authority: scheme, user information, host, port (RFC 3986 section 3); the host has no colon but in [].
AUTHORITY = re.compile(r"([^:/?#]+)://([^/?#]*@)?([^/?#]*?)(?::([0-9]*))?(?=[/?#]|$)")
DEFAULT_PORTS = {"http": "80", "https": "443"}
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.?|[0-9a-f:.]+")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
PRIVATE_USE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
# What a browser would run, show or open by itself, or hand to what is no application of the client's: never a redirect,
# whatever an operator allows.
NEVER_REDIRECTED_TO = frozenset(
    {
        *("javascript", "vbscript", "livescript", "data", "blob", "filesystem", "file", "about", "view-source", "jar"),
        *("resource", "res", "chrome", "chrome-extension", "moz-extension", "content", "intent", "android-app"),
        *("ws", "wss", "ftp", "ftps", "mailto", "tel", "sms", "urn", "cid", "mid"),
    }
)
MAIL_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
)
DOT_SEGMENT = re.compile(r"/(\.|%2e){1,2}(/|$)", re.IGNORECASE)
MAX_URI_LENGTH = 2048
MAX_DOCUMENT_ADDRESS = 512  # as long as a path parameter of our APIs may be
MAX_DOMAIN_LENGTH = 253  # RFC 1035 section 3.1, as text
MAX_ADDRESS_LENGTH = 254  # RFC 5321 section 4.5.3.1.3, without its angle brackets

# The encoder that `json.dumps` makes anew for each text, which costs as much as a short text does. CPython does not
# document it, so tests compare what it writes with what `json.dumps` does.
_written_as_json = c_make_encoder(
    None, JSONEncoder().default, encode_basestring_ascii, None, ":", ",", False, False, False
)


def base64url(octets: bytes) -> str:
    """`octets` in base64url without padding (RFC 7515 section 2)."""
    return b2a_base64(octets, newline=False).translate(TO_BASE64URL, b"=").decode("ascii")


def base32(octets: bytes) -> str:
    """`octets` in base32 without padding (RFC 4648 section 6)."""
    return b32encode(octets).rstrip(b"=").decode("ascii")


def read_json(text: str | bytes) -> Any:
    """What a JSON text of a stranger says. Raises `ValueError` and `RecursionError`.

    It may have half of a surrogate pair (RFC 8259 section 8.2): that is no text, which nothing could hash or store.
    """
    document = json.loads(text)
    json.dumps(document, ensure_ascii=False).encode()
    return document


def json_text(document: Any) -> str:
    """`document` as JSON in ASCII, without space between its parts (RFC 8259).

    Raises `TypeError` on what JSON has no form for, `ValueError` on numbers that it has none for.
    """
    return "".join(_written_as_json(document, 0))


def from_base64url(text: str) -> bytes:
    """The octets of canonical, unpadded base64url; raises `ValueError` on anything else.

    Canonical, because two spellings of one token would be two keys for a cache and one for the database.
    """
    if not BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    octets = a2b_base64(text.encode().translate(FROM_BASE64URL) + b"=" * (-len(text) % 4))
    if base64url(octets) != text:
        raise ValueError("not canonical base64url")
    return octets


def form_decoded(text: str) -> str:
    """What an encoded name or value of a form says: a plus sign is a space (RFC 6749 appendix B). Most have nothing to
    decode. Raises `ValueError` on what is not UTF-8."""
    if "%" not in text and "+" not in text:
        return text
    return unquote_to_bytes(text.replace("+", " ")).decode()


def segment_of(text: str) -> str:
    """`text` as one segment of a page's path: what RFC 3986 reserves is written ``~XX``.

    HTTP APIs decode ``%2F`` before they look for the route, and end the path at a decoded ``?``; browsers take ``%2E``
    for a step up.
    """
    encoded = quote(text, safe="").replace("~", "%7E").replace("%", "~")
    return encoded.replace(".", "~2E") if text in (".", "..") else encoded


def from_segment(segment: str) -> str:
    """What `segment_of` made into `segment`. Raises `ValueError` on what is not UTF-8."""
    return unquote(segment.replace("%", "%25").replace("~", "%"), errors="strict")


def normalised_username(text: str) -> str:
    """The form under which login names are compared: NFKC, case-folded, without surrounding space (RFC 8265).

    Of an e-mail address, which is a login name once it was confirmed, the domain is in A-labels (RFC 5890 section
    2.3.2.1). Its local part is compared like any name: no dot and no ``+`` in it means anything here.
    """
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
    if name.isascii():
        return name
    local, at, domain = name.rpartition("@")
    return f"{local}@{a_labels(domain) or domain}" if at else name


def looks_like_address(username: str) -> bool:
    """Whether a login name could be taken for an e-mail address, in whatever form it was typed."""
    return "@" in normalised_username(username)


def a_labels(domain: str) -> str:
    """A domain in lower case and A-labels; empty if it is none."""
    if len(domain) > MAX_DOMAIN_LENGTH:
        return ""
    try:
        return domain.encode("idna").decode().lower()
    except UnicodeError:
        return ""


def sha256(text: str) -> bytes:
    """SHA-256 of `text` in UTF-8: what is stored of a secret that is random and long."""
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential on its way through memory. Its repr hides it, so that no log or traceback can show it."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself: for hashing, comparing and answering its owner."""
        return self._value

    def matches(self, stored_hash: bytes) -> bool:
        """Whether this is the secret whose SHA-256 is `stored_hash`, in constant time."""
        return self.matches_each([stored_hash])[0]

    def matches_each(self, stored_hashes: Iterable[bytes]) -> list[bool]:
        """The same for each of these, in a time that tells nothing of which."""
        own = sha256(self._value)
        return [hmac.compare_digest(own, stored_hash) for stored_hash in stored_hashes]


@dataclass(frozen=True, slots=True)
class Scope:
    """An ordered set of scope tokens (RFC 6749 section 3.3)."""

    tokens: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Space-separated tokens; raises `ValueError` on characters outside the grammar."""
        return cls.of(text.split(" ")) if text else cls()

    @classmethod
    def of(cls, tokens: Iterable[str]) -> Self:
        """The set of `tokens`, in their order, each once."""
        unique = tuple(dict.fromkeys(token for token in tokens if token))
        for token in unique:
            if not SCOPE_TOKEN.fullmatch(token):
                raise ValueError("scope contains a character that RFC 6749 section 3.3 does not allow")
        return cls(unique)

    def __str__(self) -> str:
        return " ".join(self.tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self.tokens

    def __bool__(self) -> bool:
        return bool(self.tokens)

    def __le__(self, other: Self) -> bool:
        return set(self.tokens) <= set(other.tokens)

    def __and__(self, other: Self) -> Self:
        return type(self)(tuple(token for token in self.tokens if token in other.tokens))

    def __or__(self, other: Self) -> Self:
        return type(self)(tuple(dict.fromkeys(self.tokens + other.tokens)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(tuple(token for token in self.tokens if token not in other.tokens))


@dataclass(frozen=True, slots=True)
class CodeChallenge:
    """An S256 code challenge (RFC 7636 section 4.2)."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        if not CODE_CHALLENGE.fullmatch(text):
            raise ValueError("code_challenge is not 43 characters of base64url")
        return cls(text)

    def proven_by(self, code_verifier: str) -> bool:
        """Whether `code_verifier` is well-formed and hashes to this challenge, in constant time (section 4.6)."""
        if not CODE_VERIFIER.fullmatch(code_verifier):
            return False
        computed = base64url(hashlib.sha256(code_verifier.encode("ascii")).digest())
        return hmac.compare_digest(computed, self.text)


@dataclass(frozen=True, slots=True)
class RedirectUri:
    """A redirect URI that may be registered (RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 2.1)."""

    text: str

    @classmethod
    def parse(cls, text: str, schemes: Container[str] | None = ()) -> Self:
        """Accepts https, http on loopback, private-use schemes with a dot in their name, and those of `schemes`.

        None as `schemes` is every scheme that an operator could allow. Raises `ValueError`, naming the rule, on
        anything else: relative references, fragments, user information, wildcards, control characters and script
        schemes among them.
        """
        if not text or len(text) > MAX_URI_LENGTH or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("redirect URI must be 1 to 2048 printable ASCII characters")
        if any(character in text for character in '*\\"<>'):
            raise ValueError("redirect URI must not contain wildcards, backslashes, quotes or angle brackets")
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError on a port that is none
        if "#" in text:
            raise ValueError("redirect URI must not contain a fragment")
        if {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} & RESPONSE_PARAMETERS:
            raise ValueError("redirect URI must not contain a parameter of the response, such as code or state")
        if "@" in parts.netloc:
            raise ValueError("redirect URI must not contain user information")
        if not _allowed_scheme(parts, schemes):
            raise ValueError(
                "redirect URI must use https, http on a loopback address, or a private-use scheme "
                "that has a dot or is allowed here"
            )
        return cls(text)

    @property
    def is_loopback(self) -> bool:
        """Whether the redirect goes to the machine that the browser runs on."""
        return not self.is_app and urlsplit(self.text).hostname in (*LOOPBACK_LITERALS, "localhost")

    @property
    def is_assured(self) -> bool:
        """Whether only the client's owner can receive this redirect: an https host (RFC 8252 section 8.6)."""
        return urlsplit(self.text).scheme == "https" and not self.is_loopback

    @property
    def is_app(self) -> bool:
        """Whether it leads to a program on the device, by a scheme of its own (RFC 8252 section 7.1)."""
        return urlsplit(self.text).scheme not in ("https", "http")

    @property
    def stays_on_device(self) -> bool:
        """Whether it leads to a program on the user's own device, and not to a page elsewhere."""
        return self.is_loopback or self.is_app

    @property
    def destination(self) -> str:
        """Where this leads, in few words: the origin, or the private-use scheme."""
        parts = urlsplit(self.text)
        return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("https", "http") else f"{parts.scheme}:"

    def admits(self, presented: str, *, localhost: bool = False) -> bool:
        """Whether `presented` is this URI: the same string, or on loopback the same but for the port.

        RFC 8252 section 7.3 frees the port of the literals 127.0.0.1 and [::1] alone; `localhost` extends that to
        the name, which section 8.3 advises against.
        """
        if presented == self.text:
            return True
        registered = urlsplit(self.text)
        free_port = (*LOOPBACK_LITERALS, "localhost") if localhost else LOOPBACK_LITERALS
        if registered.scheme != "http" or registered.hostname not in free_port:
            return False
        try:
            RedirectUri.parse(presented)
            return _without_port(presented) == _without_port(self.text)
        except ValueError:
            return False


def _allowed_scheme(parts: SplitResult, schemes: Container[str] | None) -> bool:
    if parts.scheme == "https":
        return bool(HOST.fullmatch(parts.hostname or ""))
    if parts.scheme == "http":
        return parts.hostname in (*LOOPBACK_LITERALS, "localhost")
    if parts.scheme in NEVER_REDIRECTED_TO or not SCHEME.fullmatch(parts.scheme):
        return False
    # Names with a dot collide less (RFC 8252 section 7.1); one without has to be known.
    is_known = schemes is None or parts.scheme in schemes or bool(PRIVATE_USE_SCHEME.fullmatch(parts.scheme))
    return is_known and bool(parts.path or parts.netloc)


def _without_port(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    end = re.search(r"[/?#]|$", rest)
    length = end.start() if end else len(rest)
    return f"{scheme}://{re.sub(r':[0-9]*$', '', rest[:length])}{rest[length:]}"


def is_web_page(text: str) -> bool:
    """Whether a link to `text` may be shown: nothing, or an https address of a host; no script, no user information."""
    if not text:
        return True
    if not text.isascii() or not text.isprintable() or any(character in text for character in ' "<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme == "https" and "@" not in parts.netloc and bool(HOST.fullmatch(parts.hostname or ""))


def is_on_loopback(text: str) -> bool:
    """Whether `text` is the address of a document on this very machine, by http: what development servers have."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and not any(character in text for character in ' "<>\\^`{|}#@')
    return plain and parts.scheme == "http" and parts.hostname in (*LOOPBACK_LITERALS, "localhost")


def is_document_address(text: str, *, loopback: bool = False) -> bool:
    """Whether a client identifier is the address of the client's metadata document: https, with a path, without
    fragment, user information and dot segments (draft-ietf-oauth-client-id-metadata-document section 3).

    In one spelling, too: lower case before the path, no port that goes without saying, and no query, which the draft
    advises against. So a host that is blocked has no second name. `loopback` admits http to this machine.
    """
    if not text.startswith(("https://", "http://")) or len(text) > MAX_DOCUMENT_ADDRESS:
        return False
    if not text.isascii() or not text.isprintable() or any(character in text for character in ' "<>\\^`{|}#?*'):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    if parts.netloc != (host if port is None else f"{host}:{port}") or not HOST.fullmatch(parts.hostname or ""):
        return False
    if parts.path in ("", "/") or DOT_SEGMENT.search(parts.path) or (parts.hostname or "").endswith("."):
        return False
    if port == 0:  # which belongs to no service, and would be taken for none
        return False
    if parts.scheme == "https":
        return port != 443
    return loopback and parts.hostname in (*LOOPBACK_LITERALS, "localhost")


def host_of(address: str) -> str:
    """The host of an address, as `is_document_address` admits it."""
    return urlsplit(address).hostname or ""


def is_mail_address(text: str) -> bool:
    """Whether mail can be sent there: an addr-spec (RFC 5322 section 3.4.1) that is dot-atoms in ASCII, alone."""
    return len(text) <= MAX_ADDRESS_LENGTH and bool(MAIL_ADDRESS.fullmatch(text))


def is_resource_indicator(text: str) -> bool:
    """Whether `text` is an absolute URI without a fragment (RFC 8707 section 2)."""
    if not text or len(text) > MAX_URI_LENGTH or not text.isascii() or not text.isprintable() or "#" in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc or parts.path) and " " not in text


def resource_among(indicator: str, known: Iterable[str]) -> str | None:
    """The one of the `known` resources that `indicator` means, as it is written there; None if it means none.

    They are compared in normal form: clients put together from parts what the operator wrote as a whole.
    """
    written = tuple(known)
    if indicator in written:
        return indicator
    wanted = normal_uri(indicator)
    return next((one for one in written if normal_uri(one) == wanted), None)


def are_resources_within(asked: Iterable[str], granted: Iterable[str]) -> bool:
    """Whether each of the resources is among those `granted`, in normal form."""
    written = tuple(granted)
    return all(resource_among(one, written) is not None for one in asked)


def normal_uri(uri: str) -> str:
    """`uri` with scheme and host in lower case, without the default port, and with ``/`` for an empty path.

    RFC 3986 sections 6.2.2.1 and 6.2.3. Nothing else is the same: ``/mcp`` is not ``/mcp/``.
    """
    found = AUTHORITY.match(uri)
    if found is None:
        scheme, colon, rest = uri.partition(":")
        return f"{scheme.lower()}{colon}{rest}"
    scheme, user, host, port = found[1].lower(), found[2] or "", found[3].lower(), found[4]
    rest = uri[found.end() :]
    authority = f"{user}{host}:{port}" if port and port != DEFAULT_PORTS.get(scheme) else f"{user}{host}"
    return f"{scheme}://{authority}{rest}" if rest.startswith("/") else f"{scheme}://{authority}/{rest}"
