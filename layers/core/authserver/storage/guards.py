"""The reason why a store of a session does not write."""


class SessionOver(Exception):
    """The session that decided this has ended meanwhile. Nothing was written."""
