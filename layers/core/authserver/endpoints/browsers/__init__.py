"""What a browser meets between an authorization request and its response."""
