"""The partner API: /partner."""
