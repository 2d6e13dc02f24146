"""``authserver``: the command-line tool for operators of an Authserver. docs/cli.md is its guide.

It speaks to the admin API and knows nothing of tables; no function carries it.
"""
