"""The archive of the audit: a bucket of Amazon S3 whose objects cannot be deleted before their time (Object Lock)."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from authserver.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Archive:
    """Implements `ports.Archive`. How long objects are locked is the bucket's own default."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, name: str, content: bytes) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=content,
                ContentType="application/jsonl",
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                raise _unavailable() from error
        except BotoCoreError as error:
            raise _unavailable() from error

    def names(self, prefix: str) -> frozenset[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        try:
            return frozenset(one["Key"] for page in pages for one in page.get("Contents", ()))
        except (BotoCoreError, ClientError) as error:
            raise _unavailable() from error


def _unavailable() -> TemporarilyUnavailable:
    return TemporarilyUnavailable("The archive did not answer", reason="s3")
