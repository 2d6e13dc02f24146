"""Makes the chain of the audit: invoked by the Audit table's stream, and every day. Safe to run at any time, and
several at once.
"""

from authserver.aws.bootstrap import bootstrap
from authserver.aws.sealing import sealing
from authserver.identity.sealing import seal, sweep

services = bootstrap(seals=True, stores=(), grants=False)

lambda_handler = sealing(lambda shard, events: seal(shard, events, services), lambda: sweep(services))
