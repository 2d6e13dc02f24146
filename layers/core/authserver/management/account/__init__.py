"""The account API: /account."""
