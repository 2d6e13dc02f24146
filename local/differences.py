"""How the development server differs from AWS. Printed at the start, and part of the documentation."""

_TEXT = """
http on loopback, not https; X-Forwarded-Proto says http.

Nothing is kept: tables and keys are made anew at every start.

Of IAM, a function's role is evaluated for its use of tables, keys, mails and other functions, with conditions on
leading keys, encryption contexts and senders. Key policies and who else may invoke a function are not.

Mails go to /outbox on the AuthorizationApi's port and no further; SES is not asked about identities, nor for a sandbox.
/callback on that port shows the answer to an authorization request, for a client that has no program yet.
An asynchronous invocation that fails is not repeated.

DynamoDB is MiniStack, with one call at a time, and KMS is moto: no throttling, no eventual consistency, and items do
not expire by TTL.

Functions run on this machine's Python and packages, not on Amazon Linux, with layers as folders of the source tree;
memory, CPU and /tmp are not limited. Workers are forks of one process, and may use packages of layers that their
function does not have.

A function has at most 4 workers; a fifth event at the same time waits for one, up to 29 seconds. Reserved concurrency
makes events wait too, where Lambda would refuse them.

Throttling, access logs and X-Ray have no effect. A function ends by its own timeout alone: there is no integration
timeout of 29 or 30 seconds.

The ResourceApi answers as behind a custom domain, with no stage in the path.

A trailing slash makes another path, on both APIs, and a double one at the beginning none. Malformed HTTP is answered
as Python's http.server does. Headers are not limited to 10,240 bytes.

An authorizer that fails gives AUTHORIZER_FAILURE. In the cloud it has been seen to give AUTHORIZER_CONFIGURATION_ERROR:
configure both alike.

A schedule runs once at the start, and then at its rate from there.

Outputs of the template are not evaluated. A change of template.yaml needs a restart; a change of code does not.
"""

DIFFERENCES: tuple[str, ...] = tuple(" ".join(paragraph.split()) for paragraph in _TEXT.split("\n\n"))
