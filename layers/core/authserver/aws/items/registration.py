"""The items of who may register clients."""

from collections.abc import Mapping
from typing import Any

from authserver.aws.items.records import begun_of, record_of
from authserver.models.registration import InitialAccessToken


def initial_access_token_of(item: Mapping[str, Any]) -> InitialAccessToken:
    return record_of(InitialAccessToken, {**item, "id": item["pk"].partition("#")[2], "begun": begun_of(item)})
