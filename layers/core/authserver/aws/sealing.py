"""The records of the Audit table's stream, at their arrival at the function that seals them.

Lambda gives a batch again, from its first record that failed on: what was sealed meanwhile is known.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from authserver.aws.items.audit import event_of
from authserver.aws.logger import logger
from authserver.aws.table import decode_item
from authserver.errors import OAuthError
from authserver.models.audit import AuditEvent
from authserver.models.chain import shard_of

type Seal = Callable[[str, Sequence[AuditEvent]], None]


def sealing(seal: Seal, sweep: Callable[[], Sequence[Mapping[str, Any]]]) -> Callable[[Mapping[str, Any], Any], Any]:
    """The Lambda handler that seals a batch of the stream's records; an event without records is EventBridge's.

    A record that is no event fails by itself. The events of a shard fail together.
    """

    def handler(event: Mapping[str, Any], context: Any) -> Any:
        if "Records" not in event:
            return _swept(sweep)
        failed = _seal_each(event["Records"], seal)

        def settle(record: DynamoDBRecord) -> None:
            if failure := failed.get(_sequence(record.raw_event)):
                raise failure

        processor = BatchProcessor(event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
        return process_partial_response(dict(event), settle, processor, context)

    return handler


def _seal_each(records: Sequence[Mapping[str, Any]], seal: Seal) -> dict[str, Exception]:
    """Why each record failed that did, by its sequence number."""
    failed: dict[str, Exception] = {}
    shards: dict[str, dict[str, AuditEvent]] = {}
    for record in records:
        try:
            event = event_of(decode_item(record["dynamodb"]["NewImage"]))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            logger.error("audit_record_malformed", extra={"fault": type(error).__name__})
            failed[_sequence(record)] = RuntimeError("audit_record_malformed")
        else:
            shards.setdefault(shard_of(event.id), {})[_sequence(record)] = event
    for shard, events in shards.items():
        try:
            seal(shard, tuple(events.values()))
        except Exception as error:  # noqa: BLE001 - told here, and of each of its records to Lambda
            failed |= dict.fromkeys(events, _failed(error))
    return failed


def _swept(sweep: Callable[[], Sequence[Mapping[str, Any]]]) -> Sequence[Mapping[str, Any]]:
    try:
        published = sweep()
    except Exception as error:  # noqa: BLE001 - told here, and raised for Lambda
        raise _failed(error) from None
    for heads in published:
        logger.info("audit_heads", extra=dict(heads))
    return published


def _failed(error: Exception) -> RuntimeError:
    """What Lambda is told; the log has what it was."""
    if isinstance(error, OAuthError):
        logger.error("audit_not_sealed", extra={"reason": error.reason})
        return RuntimeError(error.reason)
    logger.error("unexpected", exc_info=error)
    return RuntimeError("unexpected")


def _sequence(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])
