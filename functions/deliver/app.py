"""Delivers events to webhooks: takes them from the queue of deliveries, where Webhooks is On."""

import os

from authserver.aws.bootstrap import bootstrap, clock
from authserver.aws.boto import CONFIG, boto3
from authserver.aws.deliveries import Queue, delivering
from authserver.endpoints.orders.deliver import deliver
from authserver.identity.webhooks import OpenedSecrets

services = bootstrap(goes_out=True, grants=False, stores=())
queue = Queue(
    boto3.client("sqs", config=CONFIG), services.settings.webhook_queue, os.environ.get("WEBHOOK_DEAD_LETTERS", "")
)
opened = OpenedSecrets()
lambda_handler = delivering(lambda delivery: deliver(delivery, opened, services), queue, clock)
