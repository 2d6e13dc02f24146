"""The archive of the audit: what Amazon S3 is asked, and what becomes of its answers."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from authserver.aws.archive import S3Archive
from authserver.errors import TemporarilyUnavailable

PUT = {
    "Bucket": "bucket",
    "Key": "links/2026-11-30/0/00000001.jsonl",
    "Body": b"{}\n",
    "ContentType": "application/jsonl",
    "ChecksumAlgorithm": "SHA256",  # without which S3 takes no object that it locks
    "IfNoneMatch": "*",
}


@pytest.fixture
def s3() -> Iterator[tuple[S3Archive, Any]]:
    client = boto3.Session("testing", "testing", region_name="eu-central-1").client("s3")
    with Stubber(client) as stubber:
        yield S3Archive(client, "bucket"), stubber
        stubber.assert_no_pending_responses()


def test_a_file_is_put_once(s3: tuple[S3Archive, Any]) -> None:
    archive, stubber = s3
    stubber.add_response("put_object", {}, PUT)
    stubber.add_client_error("put_object", "PreconditionFailed", http_status_code=412, expected_params=PUT)
    for _ in range(2):
        archive.put("links/2026-11-30/0/00000001.jsonl", b"{}\n")


@pytest.mark.parametrize("code", ["AccessDenied", "ConditionalRequestConflict", "SlowDown"])
def test_what_is_not_put_is_an_error(code: str, s3: tuple[S3Archive, Any]) -> None:
    archive, stubber = s3
    stubber.add_client_error("put_object", code)
    with pytest.raises(TemporarilyUnavailable):
        archive.put("links/2026-11-30/0/00000001.jsonl", b"{}\n")


def test_all_names_are_listed(s3: tuple[S3Archive, Any]) -> None:
    archive, stubber = s3
    wanted = {"Bucket": "bucket", "Prefix": "links/"}
    more = {"IsTruncated": True, "NextContinuationToken": "more", "Contents": [{"Key": "links/a"}]}
    stubber.add_response("list_objects_v2", more, wanted)
    last = {"IsTruncated": False, "Contents": [{"Key": "links/b"}]}
    stubber.add_response("list_objects_v2", last, {**wanted, "ContinuationToken": "more"})
    assert archive.names("links/") == {"links/a", "links/b"}
    stubber.add_client_error("list_objects_v2", "AccessDenied")
    with pytest.raises(TemporarilyUnavailable):
        archive.names("links/")
