"""What keeps a store from writing."""


class SessionOver(Exception):
    """The session that decided this was ended meanwhile. Nothing was written."""
