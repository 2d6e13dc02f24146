"""Tells others what happened: takes what changes in the tables from their streams, where Events is On."""

import os

from authserver.aws.boto import CONFIG, boto3
from authserver.aws.dead_letters import SqsDeadLetters
from authserver.aws.publishing import publishing, receivers_of
from authserver.events import CLIENTS, CONFIGURATION, KEYS, TOKENS, USERS
from authserver.settings import Settings

settings = Settings.from_environ(os.environ)
tables = {
    settings.clients_table: CLIENTS,
    settings.users_table: USERS,
    settings.tokens_table: TOKENS,
    settings.keys_table: KEYS,
    settings.configuration_table: CONFIGURATION,
}
dead_letters = SqsDeadLetters(boto3.client("sqs", config=CONFIG), os.environ.get("EVENT_DEAD_LETTERS", ""))
lambda_handler = publishing(receivers_of(os.environ), dead_letters, tables, settings.issuer)
