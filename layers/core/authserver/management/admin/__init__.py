"""The admin API: /admin."""
