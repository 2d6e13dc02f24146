"""How the development server differs from AWS. Printed at the start, and part of the documentation."""

_TEXT = """
The server uses http on loopback instead of https, and X-Forwarded-Proto is http.

Nothing is stored: the server creates tables and keys at every start.

The server evaluates a function's role for tables, keys, mails and other functions, with conditions on leading keys,
encryption contexts and senders. It does not evaluate key policies and the resource policies of functions.

Mails go to the page /outbox on the AuthorizationApi's port and are not sent. SES identities and its sandbox do not
exist. /callback on that port shows the answer to an authorization request, for a client that has no program yet.
An asynchronous invocation that fails is not repeated.

DynamoDB is MiniStack, with one call at a time, and KMS is moto. There is no throttling and no eventual consistency, and
items do not expire by TTL.

Event source mappings invoke functions with changes of tables and with messages of queues, at most 4 at once. A change
that a function does not take is left out after 30 attempts. Dead letters are kept in memory and shown nowhere. Buses of
EventBridge take events and have no rules.

Functions run on this machine's Python and packages, not on Amazon Linux, with layers as folders of the source tree.
Memory, CPU and /tmp are not limited. Workers are forks of one process, and can use packages of layers that their
function does not have.

A function has at most 4 workers. A fifth event at the same time waits for one, up to 29 seconds. With reserved
concurrency, events wait as well, whereas Lambda would refuse them.

Throttling, access logs, X-Ray, custom domains and gradual deployments have no effect. Each function has one version.
Only a function's own timeout ends it: there is no integration timeout of 29 or 30 seconds.

The ResourceApi answers as behind a custom domain, without a stage in the path.

On both APIs, a trailing slash makes another path, and a second slash at the beginning is ignored. Malformed
HTTP is answered as Python's http.server does. Headers are not limited to 10,240 bytes.

An authorizer that fails gives AUTHORIZER_FAILURE. In AWS, AUTHORIZER_CONFIGURATION_ERROR occurs as well: configure both
alike.

A schedule runs once at the start, and then at its rate.

The server does not evaluate outputs of the template. A change of template.yaml needs a restart; a change of code does
not.
"""

DIFFERENCES: tuple[str, ...] = tuple(" ".join(paragraph.split()) for paragraph in _TEXT.split("\n\n"))
