"""Clients that register themselves: /register."""
