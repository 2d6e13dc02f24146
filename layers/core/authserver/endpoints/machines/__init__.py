"""What machines call: the endpoints of the back channel, and the authorizer."""
