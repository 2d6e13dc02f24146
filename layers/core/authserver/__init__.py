"""Authserver: the grant logic of an OAuth 2.0 and OpenID Connect authorization server.

Start reading at ``endpoints/machines/token.py``; ``docs/architecture.md`` is the map.
"""
