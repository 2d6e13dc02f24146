"""The key ring: published before it is used, kept until what it made has expired, made once."""

from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from authserver.ends import Deployment
from authserver.errors import InvalidToken, TemporarilyUnavailable
from authserver.settings import DAY
from authserver.tokens.keyring import (
    CACHE_LIFETIME,
    JWKS_MAX_AGE,
    NO_RING_COOLDOWN,
    PUBLISH_LEAD,
    RINGS,
    SIGNING_RINGS,
    STALE_LIFETIME,
    UNKNOWN_KID_COOLDOWN,
    KeyRing,
)
from tests.fakes import START, FakeKeys, FakeOpener, client, rings
from tests.unit.server import App, Browser, Server, all_at_once

ROTATION = 90 * DAY


def signer(server: Server) -> str:
    """The key that a fresh instance signs with."""
    return server.new_instance().keys.signing_key("ES256").kid


def published(server: Server) -> set[str]:
    return {jwk["kid"] for jwk in server.new_instance().keys.published()}


def newest(server: Server, ring: str = "ES256") -> str:
    stored = server.keys.get(ring)
    assert stored is not None
    return stored.keys[-1].kid


@pytest.mark.rfc("7517", "4")
def test_published_keys_have_public_members_alone_and_identifiers_of_their_own() -> None:
    keys = Server().services.keys.published()
    assert len({jwk["kid"] for jwk in keys}) == len(keys) == len(SIGNING_RINGS)
    for jwk in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & jwk.keys()
        assert (jwk["use"], jwk["alg"] in SIGNING_RINGS) == ("sig", True)


def test_keys_that_are_young_are_not_rotated() -> None:
    server = Server()
    server.clock.advance(ROTATION - 1)
    assert server.rotate_keys() == ()


@pytest.mark.rfc("OIDC Core", "10.1.1")
def test_key_is_published_long_before_it_signs() -> None:
    server = Server()
    old = signer(server)
    server.clock.advance(ROTATION)
    assert set(server.rotate_keys()) == set(RINGS)
    new = newest(server)
    assert published(server) >= {old, new}
    for waited in (0, JWKS_MAX_AGE, PUBLISH_LEAD - 1):
        server.clock.time = START + ROTATION + waited
        assert signer(server) == old
    server.clock.time = START + ROTATION + PUBLISH_LEAD
    assert signer(server) == new
    assert published(server) >= {old, new}


@pytest.mark.rfc("OIDC Core", "10.1.1")
def test_key_is_kept_until_the_last_token_it_signed_has_expired() -> None:
    lifetime = 14 * DAY
    server = Server(client(access_token_lifetime=lifetime))
    old = signer(server)
    server.clock.advance(ROTATION)
    server.rotate_keys()
    server.clock.advance(PUBLISH_LEAD - 1)
    server.services = server.new_instance()
    response = App(server).token("client_credentials", scope="read")
    assert jwt.get_unverified_header(response.access_token.reveal())["kid"] == old
    assert response.expires_in == lifetime
    server.clock.advance(lifetime - 1)
    server.services = server.new_instance()
    assert server.access(response.access_token)
    assert server.rotate_keys() == ()


def test_key_is_dropped_after_what_it_signed_has_expired() -> None:
    server = Server()
    old = signer(server)
    server.clock.advance(ROTATION)
    server.rotate_keys()
    server.clock.advance(PUBLISH_LEAD + STALE_LIFETIME + 14 * DAY)
    assert old not in published(server)
    assert "ES256" in server.rotate_keys()
    stored = server.keys.get("ES256")
    assert stored is not None
    assert [key.kid for key in stored.keys] == [signer(server)]


@pytest.mark.rfc("OIDC Core", "10.1.1")
def test_tokens_from_before_during_and_after_a_rotation_all_pass_at_every_instance() -> None:
    """F17: an instance with yesterday's key set meets a token of today's key."""
    server = Server(client(access_token_lifetime=14 * DAY))
    app = App(server)
    server.clock.advance(ROTATION - 10)
    verifier, old_token = server.new_instance(), app.token("client_credentials", scope="read")
    assert verifier.keys.published()
    server.clock.advance(10)
    server.rotate_keys()
    for _ in range(2 * PUBLISH_LEAD // 100):
        server.clock.advance(100)
        token = app.token("client_credentials", scope="read")
        server.services, signing = verifier, server.services
        assert server.access(token.access_token)
        assert server.access(old_token.access_token)
        server.services = signing


def test_rotation_twice_at_once_makes_one_key() -> None:
    server = Server()
    server.clock.advance(ROTATION)
    changed = all_at_once(lambda _: server.rotate_keys(), 2)
    for name in (*SIGNING_RINGS, "token", "access_token"):
        stored = server.keys.get(name)
        assert stored is not None
        assert (stored.version, len(stored.keys)) == (2, 2)
        assert sum(name in names for names in changed) == 1


def test_rotation_after_a_rotation_changes_nothing() -> None:
    server = Server()
    server.clock.advance(ROTATION)
    assert server.rotate_keys()
    assert server.rotate_keys() == ()


def test_first_need_of_many_instances_at_once_makes_one_key() -> None:
    server = Server(rings=False)
    keys = all_at_once(lambda _: server.new_instance().keys.token_key("token"), 16)
    assert len(set(keys)) == 1
    stored = server.keys.get("token")
    assert stored is not None
    assert stored.version == 1


def test_first_key_may_be_used_at_once_and_by_a_clock_that_runs_behind() -> None:
    server = Server(rings=False)
    kid = server.services.keys.signing_key("ES256").kid
    server.clock.advance(-120)
    assert signer(server) == kid


def test_keys_of_a_store_that_takes_none_are_unavailable() -> None:
    class Closed(FakeKeys):
        def put(self, ring: object, note: object = None) -> bool:
            return False

    server = Server(rings=False)
    ring = KeyRing(Closed(), FakeOpener(), server.settings, server.clock, server.random, Deployment)
    with pytest.raises(TemporarilyUnavailable):
        ring.token_key("token")
    assert ring.token_keys("token") == ()


def test_wrapped_key_opens_for_its_own_ring_and_identifier_alone() -> None:
    opener = FakeOpener()
    wrapped = opener.wrap(b"key", ring="token", kid="a")
    assert opener.unwrap(wrapped, ring="token", kid="a") == b"key"
    for ring, kid in (("access_token", "a"), ("token", "b")):
        with pytest.raises(ValueError, match="wrapped for another"):
            opener.unwrap(wrapped, ring=ring, kid=kid)


def test_stored_keys_are_wrapped() -> None:
    server = Server()
    (secret,) = server.services.keys.token_keys("token")
    assert all(secret not in key.wrapped for ring in rings() for key in ring.keys)


# ------------------------------------------------------------------ caches


def test_warm_keys_cost_no_reads_until_the_cache_is_old() -> None:
    server = Server()
    server.warm_up()
    server.clock.advance(CACHE_LIFETIME - 1)
    server.services.keys.signing_key("ES256")
    server.services.keys.token_keys("token")
    assert server.calls.total() == 0
    server.clock.advance(1)
    server.services.keys.signing_key("ES256")
    assert server.calls.total() == 1


class Counting(FakeOpener):
    """`unwrapped` are the rings that keys were unwrapped of; it fails while it is `broken`."""

    def __init__(self) -> None:
        self.unwrapped: list[str] = []
        self.broken = False

    def unwrap(self, wrapped: bytes, *, ring: str, kid: str) -> bytes:
        if self.broken:
            raise TemporarilyUnavailable("The key service did not answer", reason="kms_decrypt")
        self.unwrapped.append(ring)
        return super().unwrap(wrapped, ring=ring, kid=kid)


def test_keys_that_were_loaded_ahead_cost_the_first_request_nothing() -> None:
    server, opener = Server(), Counting()
    ring = KeyRing(server.keys, opener, server.settings, server.clock, server.random, Deployment)
    ring.load_ahead(("token", "ES256"), ("RS256",))
    assert opener.unwrapped == ["token", "ES256"]
    opener.broken = True
    assert ring.token_key("token")
    assert ring.verification_key(ring.signing_key("ES256").kid)
    assert ring.verification_key(newest(server, "RS256"))


def test_what_cannot_be_loaded_ahead_is_left_to_the_first_request() -> None:
    server, opener = Server(), Counting()
    ring = KeyRing(server.keys, opener, server.settings, server.clock, server.random, Deployment)
    opener.broken = True
    ring.load_ahead(("token",), ())
    opener.broken = False
    assert ring.token_key("token")


def test_nothing_is_made_ahead() -> None:
    """An instance that only starts makes no key: the first that signs does."""
    server, keys = Server(rings=False), FakeKeys()
    ring = KeyRing(keys, FakeOpener(), server.settings, server.clock, server.random, Deployment)
    ring.load_ahead(RINGS, ())
    assert [keys.get(name) for name in RINGS] == [None] * len(RINGS)


def test_unknown_key_identifiers_cost_a_look_a_minute() -> None:
    server = Server()
    server.warm_up()
    for _ in range(50):
        assert server.services.keys.verification_key("unknown") is None
    assert server.calls.total() == 0
    server.clock.advance(UNKNOWN_KID_COOLDOWN)
    for _ in range(50):
        assert server.services.keys.verification_key("unknown") is None
    assert server.calls == {"keys.get": len(SIGNING_RINGS)}


def test_unknown_key_identifiers_without_any_ring_cost_a_look_a_second() -> None:
    server = Server(rings=False)
    for looks in (1, 2):
        for _ in range(50):
            assert server.services.keys.verification_key("unknown") is None
        assert server.calls == {"keys.get": looks * len(SIGNING_RINGS)}
        server.clock.advance(NO_RING_COOLDOWN)


def test_rings_of_which_one_is_not_there_cost_no_look_for_a_key_of_the_other() -> None:
    server, keys = Server(rings=False), Server(rings=False).keys
    made = KeyRing(keys, FakeOpener(), server.settings, server.clock, server.random, Deployment)
    kid = made.signing_key("RS256").kid
    looked: list[str] = []

    def get(name: str) -> Any:
        looked.append(name)
        return keys.get(name)

    store: Any = SimpleNamespace(get=get)
    other = KeyRing(store, FakeOpener(), server.settings, server.clock, server.random, Deployment)
    for _ in range(50):
        assert other.verification_key(kid) is not None
        server.clock.advance(NO_RING_COOLDOWN)
    assert looked == ["ES256", "RS256"]


def test_first_key_of_a_deployment_is_found_within_a_second_by_whoever_looked_before() -> None:
    """It signs at once, so no verifier can know it: a minute of refusals would be what a new deployment begins
    with."""
    server = Server(rings=False)
    other = server.new_instance()
    assert other.keys.verification_key("unknown") is None
    kid = server.services.keys.signing_key("ES256").kid
    assert other.keys.verification_key(kid) is None
    server.clock.advance(NO_RING_COOLDOWN)
    found = other.keys.verification_key(kid)
    assert found is not None
    assert found.algorithm == "ES256"


# ------------------------------------------------------------------ token rings


@pytest.mark.rfc("6749", "10.4")
def test_refresh_token_of_an_old_key_works_through_its_whole_life() -> None:
    server = Server(key_rotation_days=1, refresh_token_idle_lifetime=20 * DAY, refresh_token_lifetime=20 * DAY)
    app = App(server)
    response = app.tokens()
    for _ in range(19):
        server.clock.advance(DAY)
        server.rotate_keys()
        server.services = server.new_instance()
        response = app.refresh(response.refresh_token)
        assert app.introspect(response.refresh_token)["active"] is True


@pytest.mark.rfc("9700", "4.14.2")
def test_retry_across_a_rotation_of_the_token_ring_gives_the_same_successor() -> None:
    server = Server(refresh_token_grace=30)
    app = App(server)
    server.clock.advance(ROTATION)
    server.rotate_keys()
    server.clock.advance(PUBLISH_LEAD - 5)
    server.services = server.new_instance()
    first = app.tokens()
    second = app.refresh(first.refresh_token)
    server.clock.advance(10)
    server.services = server.new_instance()
    assert app.refresh(first.refresh_token).refresh_token == second.refresh_token


def test_session_and_code_survive_a_new_key_in_the_token_ring() -> None:
    server = Server()
    browser = Browser(server)
    code = browser.code()
    server.clock.advance(30)
    KeyRing(server.keys, FakeOpener(), server.settings, lambda: START + ROTATION, server.random, Deployment).rotate()
    server.services = server.new_instance()
    assert App(server).exchange(code)
    assert browser.code()


def test_session_outlives_a_rotation_though_refresh_tokens_live_shorter() -> None:
    server = Server(session_lifetime=30 * DAY, refresh_token_lifetime=DAY, refresh_token_idle_lifetime=DAY)
    server.clock.advance(ROTATION)
    browser = Browser(server)
    browser.code()
    server.rotate_keys()
    server.clock.advance(10 * DAY)
    server.services = server.new_instance()
    assert "code" in browser.go_through(prompt="none")


def test_refresh_token_of_a_code_made_at_the_last_moment_lives_as_long_as_any_other() -> None:
    server = Server(refresh_token_lifetime=DAY, refresh_token_idle_lifetime=DAY, code_lifetime=600)
    browser, app = Browser(server), App(server)
    server.clock.advance(ROTATION)
    server.rotate_keys()
    server.clock.advance(PUBLISH_LEAD - 1)
    code = browser.code()
    server.clock.advance(599)
    response = app.exchange(code)
    server.clock.advance(DAY - 1)
    server.services = server.new_instance()
    assert app.refresh(response.refresh_token)


@pytest.mark.rfc("6750", "5.2")
def test_opaque_access_token_of_an_old_key_works_until_it_expires() -> None:
    server = Server(client(access_token_format="opaque", access_token_lifetime=14 * DAY))
    app = App(server)
    server.clock.advance(ROTATION + PUBLISH_LEAD - 1)
    response = app.token("client_credentials", scope="read")
    server.rotate_keys()
    server.clock.advance(14 * DAY - 1)
    server.services = server.new_instance()
    assert server.access(response.access_token)
    server.clock.advance(1)
    with pytest.raises(InvalidToken):
        server.access(response.access_token)


def test_keys_of_one_token_ring_open_nothing_of_the_other() -> None:
    server = Server()
    keys = server.services.keys
    assert not set(keys.token_keys("token")) & set(keys.token_keys("access_token"))
