"""Orders from one function to another, without waiting for the result."""
