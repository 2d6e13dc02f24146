"""Whom a connection trusts: certificates made here, on a loopback address, and Amazon's roots."""

import re
import socket
import ssl
import time
import warnings
from pathlib import Path
from typing import Any

import botocore
import certifi
import pytest

from authserver.aws.lean.client import DYNAMODB, LeanService
from authserver.aws.lean.connection import Connection, Deadline, OpenSocket, TransportFault, open_socket
from authserver.aws.lean.endpoints import Endpoint
from authserver.aws.lean.tls import AMAZON_ROOTS, context, roots
from authserver.aws.service import Unreachable
from tests.authority import DAY, NOW, Authority
from tests.lean.peers import REGION, Server, answer, says, says_and_closes, static

GOT = {"Item": {"pk": {"S": "a"}}}
AMAZON = f"dynamodb.{REGION}.amazonaws.com"
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"))


def leads_to(server: Server) -> OpenSocket:
    """Whatever name is asked for, it is this server."""

    def opened(host: str, port: int, deadline: Deadline) -> socket.socket:
        return open_socket("127.0.0.1", server.port, deadline)

    return opened


def call(server: Server, ca_bundle: str, host: str = AMAZON) -> object:
    endpoint = Endpoint(host, 443, tls=True, region=REGION, ca_bundle=ca_bundle)
    service = LeanService(DYNAMODB, endpoint, static(), sleep=lambda _: None, open_socket=leads_to(server))
    return service.call("GetItem", {})


# ------------------------------------------------------------------ who is trusted


def test_a_server_of_the_name_with_a_certificate_of_the_bundle_is_trusted(authority: Authority) -> None:
    with Server(says(answer(GOT)), tls=authority.server(AMAZON)) as server:
        assert call(server, authority.bundle) == GOT


def test_the_hosts_name_is_what_is_asked_for(authority: Authority) -> None:
    """Server Name Indication (RFC 6066, section 3), by which AWS chooses its certificate."""
    asked: list[str | None] = []
    shown = authority.server(AMAZON)
    shown.sni_callback = lambda _, name, __: asked.append(name)
    with Server(says(answer(GOT)), tls=shown) as server:
        call(server, authority.bundle)
    assert asked == [AMAZON]


@pytest.mark.parametrize(
    "name", ["another.example", "amazonaws.com", f"x.{AMAZON}", "*.amazonaws.com", f"dynamodb.{REGION}.amazonaws.co"]
)
def test_a_certificate_of_another_name_is_refused(name: str, authority: Authority) -> None:
    with Server(tls=authority.server(name)) as server:
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            call(server, authority.bundle)
        assert server.requests == []


def test_a_certificate_of_an_unknown_root_is_refused(authority: Authority, other_authority: Authority) -> None:
    with Server(tls=other_authority.server(AMAZON)) as server:
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            call(server, authority.bundle)
        assert server.requests == []


def test_a_certificate_that_has_expired_is_refused(authority: Authority) -> None:
    with Server(tls=authority.server(AMAZON, -DAY)) as server:
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            call(server, authority.bundle)
        assert server.requests == []


def test_tls_1_1_is_refused(authority: Authority) -> None:
    shown = authority.server(AMAZON)
    shown.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL itself would refuse so old a version
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        shown.minimum_version, shown.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with Server(tls=shown) as server:
        with pytest.raises(Unreachable, match="SSLError"):
            call(server, authority.bundle)
        assert server.requests == []


def test_tls_1_2_is_taken(authority: Authority) -> None:
    shown = authority.server(AMAZON)
    shown.maximum_version = ssl.TLSVersion.TLSv1_2
    with Server(says(answer(GOT)), tls=shown) as server:
        assert call(server, authority.bundle) == GOT


def test_a_server_without_tls_is_refused(authority: Authority) -> None:
    """It keeps silent, since what comes is no request; the connection is given up in time."""
    with Server() as server:
        endpoint = Endpoint(AMAZON, 443, tls=True, region=REGION, ca_bundle=authority.bundle)
        connection = Connection(endpoint, open_socket=leads_to(server))
        with pytest.raises(TransportFault, match="timeout"):
            connection.open(Deadline(0.05, time.monotonic))


def test_a_bundle_that_is_not_there_is_unreachable(tmp_path: Path, authority: Authority) -> None:
    with Server(tls=authority.server(AMAZON)) as server, pytest.raises(Unreachable, match="FileNotFoundError"):
        call(server, str(tmp_path / "none.pem"))


# ------------------------------------------------------------------ which roots


def test_amazons_hosts_are_trusted_by_amazons_roots_alone(authority: Authority) -> None:
    """Whatever the system trusts."""
    with Server(tls=authority.server(AMAZON)) as server:
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            call(server, "")
        assert server.requests == []


@pytest.mark.parametrize(
    ("host", "is_amazons"),
    [
        (AMAZON, True),
        ("123456789012.ddb.us-east-1.amazonaws.com", True),
        ("kms-fips.us-east-1.api.aws", True),
        ("vpce-1.dynamodb.us-east-1.vpce.amazonaws.com", True),
        ("amazonaws.com.example", False),
        ("xamazonaws.com", False),
        ("dynamodb.cn-north-1.amazonaws.com.cn", False),
        ("localhost", False),
    ],
)
def test_roots_are_amazons_for_its_hosts_and_the_systems_for_others(host: str, is_amazons: bool) -> None:
    assert roots(host, "") == (AMAZON_ROOTS if is_amazons else "")
    assert roots(host, "/a/bundle.pem") == "/a/bundle.pem"


def test_the_systems_roots_are_found_where_openssl_looks(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority.bundle)
    context.cache_clear()
    try:
        with Server(says(answer(GOT)), tls=authority.server("own.example")) as server:
            assert call(server, "", "own.example") == GOT
    finally:
        context.cache_clear()


def test_amazons_roots_are_the_five_that_others_have() -> None:
    ours = CERTIFICATE.findall(Path(AMAZON_ROOTS).read_text())
    assert len(set(ours)) == len(ours) == 5
    for bundle in (certifi.where(), str(Path(botocore.__file__).with_name("cacert.pem"))):
        theirs = {ssl.PEM_cert_to_DER_cert(one) for one in CERTIFICATE.findall(Path(bundle).read_text())}
        assert {ssl.PEM_cert_to_DER_cert(one) for one in ours} <= theirs


def test_amazons_roots_are_good_for_years() -> None:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(AMAZON_ROOTS)
    told: list[Any] = trust.get_ca_certs()
    names = {value for one in told for ((name, value),) in one["subject"] if name == "commonName"}
    starfield = "Starfield Services Root Certificate Authority - G2"
    assert names == {*(f"Amazon Root CA {number}" for number in range(1, 5)), starfield}
    in_three_years = (NOW + 3 * 365 * DAY).timestamp()
    assert all(ssl.cert_time_to_seconds(one["notAfter"]) > in_three_years for one in told)


# ------------------------------------------------------------------ connections


def test_tickets_of_a_session_are_no_reason_for_another_connection(authority: Authority) -> None:
    """TLS 1.3 sends them by itself after the handshake (RFC 8446, section 4.6.1), whether anything is asked or not."""
    with Server(*[says(answer(GOT))] * 3, tls=authority.server(AMAZON)) as server:
        endpoint = Endpoint(AMAZON, 443, tls=True, region=REGION, ca_bundle=authority.bundle)
        service = LeanService(DYNAMODB, endpoint, static(), open_socket=leads_to(server))
        service.connect()
        assert [service.call("GetItem", {}) for _ in range(3)] == [GOT] * 3
        assert server.connections == 1
        service.close()


def test_an_answer_of_many_records_is_read(authority: Authority) -> None:
    big = {"Items": [{"b": {"B": "A" * 399_999}}]}
    with Server(says(answer(big)), tls=authority.server(AMAZON)) as server:
        assert call(server, authority.bundle) == big


def test_an_end_within_an_answer_is_no_answer(authority: Authority) -> None:
    with Server(says_and_closes(answer(GOT)[:-5]), says(answer(GOT)), tls=authority.server(AMAZON)) as server:
        assert call(server, authority.bundle) == GOT
        assert server.connections == 2
