"""docs/events.md and docs/events.schema.json: the events, from their types in the code."""

import json

from authserver.events.types import EVENT_TYPES, MEMBERS, data_schema, schema_name

HEAD = """# Events

The server can tell other systems what happens: that a user was disabled, a client changed, a consent was revoked, a
session ended, a refresh token was used twice, a key was withdrawn. Each event is a
[CloudEvent](https://cloudevents.io) on an Amazon EventBridge bus. No request waits for events, and they do not change
what a request costs.

Events are off by default. Turn them on with parameters:

| parameter | meaning |
| --- | --- |
| `Events` | `On` gives each table but the audit's a stream, and makes the function `publish`, which reads the streams |
| `EventBus` | name or ARN of the bus; `default` unless you say otherwise. The bus must exist |

```
make deploy STACK=authserver PARAMETERS='Events=On'
```

A stack that was given its tables makes no streams. It needs the
[ARNs of its tables' streams](operations/reattach.md#streams-of-given-tables) as well.

Events start with the changes after the stack was updated. With `Events=Off`, the streams end at once, and so do the
events of what was not published yet. The [cost page](cost.md) says what a million of them costs.

An event contains identifiers, names of fields, scopes, counters, versions and times. It contains no secret, no hash of
a secret, no token, no password, no address and no name. To learn more, ask the [admin API](admin-api.md).

## Receive them

EventBridge delivers events to your functions, queues, and addresses. A rule selects them by their `detail-type`, which
is the type of the event, and by anything in the `detail`:

```json
{"source": ["authserver"], "detail-type": ["user.disabled", "user.deleted", "session.ended"]}
```

For an HTTPS address, register a [webhook](webhooks.md), whose deliveries the server signs. Or use an API destination of
EventBridge as the target of the rule. EventBridge authenticates itself there with a key or a token of yours, repeats
failed deliveries for up to 24 hours, and puts what remains into a dead-letter queue of yours. One receiver that does
not answer holds up no other.

## An event

The `detail` of an event on the bus:

```json
{
  "specversion": "1.0",
  "id": "b1Yb5Xc0oT4pQy0mZ1m9nA",
  "source": "https://login.example.com",
  "type": "user.disabled",
  "subject": "user/FxQ-4-oukL7K56TFhxNTxw",
  "time": "2027-01-15T08:00:00Z",
  "datacontenttype": "application/json",
  "dataschema": "urn:authserver:event:1:user.disabled",
  "sequence": "0000000000004421584500000000017450439091",
  "data": {"user": "sub-of-alice", "user_key": "FxQ-4-oukL7K56TFhxNTxw"}
}
```

| member | meaning |
| --- | --- |
| `id` | the same whenever the same change is published again |
| `source` | the issuer of the server |
| `subject` | what it happened to; events of one subject can come from several records |
| `time` | when the change was stored, to the second |
| `dataschema` | the version of the type. Members can be added within a version; any other change is a new version |
| `sequence` | orders the changes of one record: compare it as text (the extension *Sequence* of CloudEvents) |

[events.schema.json](events.schema.json) has a JSON Schema for the `data` of each type.

**Keys.** Where a record holds only a hash of an identifier, the event has its key: the first 16 octets of the SHA-256
of the identifier, in base64url without padding. An event that has the identifier has the key as well, so you can
compare all events by keys.

```python
base64.urlsafe_b64encode(hashlib.sha256(identifier.encode()).digest()[:16]).rstrip(b"=").decode()
```

## What ends many things at once

The server ends everything of a user, a client or an organisation by raising a counter, without touching each record
([record.md](record.md#ends-are-counters)). Such an event names what it is limited to and nothing else: `session.ended`
with a `user_key` and without a `session` ends every session of that user. Without any of them (`reason` is
`everything_ended`), it ends everything.

`present` has the counter from now on, and the events of what begins have, in `begun`, the counters under which it
began. What began under the counter of `present` has not ended: after a change of password, the browser in which the
password was changed stays signed in, and its `session.created` or `session.continued` can arrive before the
`session.ended`. A counter that is not in `begun` is 0. If an event has no `present`, compare times.

A session that continues with another identifier, as after a change of password, is a `session.created` whose `origin`
is another one than its `session`. The `session.ended` of the earlier identifier then does not end that session.

What expires is no event: `expires_at` is in the event of its beginning. A consent that is given for longer is another
`consent.granted`, or has another `expires_at` in its `consent.narrowed`, and an approval has another `expires_at` from
`approval.decided` on: the latest counts. A refresh of tokens is no event either.

## Security

`token_family.ended` has the reason `code_replayed` or `refresh_reused` if a code or a refresh token was used twice, so
that others may have it. `key.withdrawn` tells that a key was withdrawn.

## What is promised

- **At least once.** The same change can be published again: discard an `id` that you know.
- **In order for each record, up to the bus.** The server never publishes a change of a record before an earlier change
  of the same record. EventBridge does not keep this order. Compare the `sequence` of events of one record, and ignore
  what is older than what you know. There is no order between records.
- **Nothing is lost.** If the bus does not accept an event, `publish` tries it again for an hour. After that, and for a
  change of which it can make no event, it puts the place of the change in the stream into the queue
  `EventDeadLetters`, and continues with the others. The stream keeps the change for 24 hours, in which `python -m
  scripts.replay_events` publishes it. If still no event can be made of it, its place stays in the queue. The alarms
  [events-late](operations/alarms.md#events-late) and [events-unpublished](operations/alarms.md#events-unpublished) tell
  you.
- **Usually within seconds**, and not within any time.

[Webhooks](webhooks.md) get the same events, signed, at HTTPS addresses, without an AWS account.

## Types

| type | meaning | always has | can have |
| --- | --- | --- | --- |
"""

MEMBERS_HEAD = """
## Members

| member | meaning |
| --- | --- |
"""


def event_page() -> str:
    rows = [
        f"| `{name}` | {one.meaning} | {_names(one.required)} | {_names(one.optional)} |"
        for name, one in EVENT_TYPES.items()
    ]
    members = [f"| `{name}` | {meaning} |" for name, (_, meaning) in MEMBERS.items()]
    return HEAD + "\n".join(rows) + "\n" + MEMBERS_HEAD + "\n".join(members) + "\n"


def event_schemas() -> str:
    """A JSON Schema of the `data` of each type, by the `dataschema` of its events."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {schema_name(name): data_schema(name) for name in EVENT_TYPES},
    }
    return json.dumps(document, indent=1) + "\n"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
