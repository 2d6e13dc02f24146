"""What functions order of each other, and nobody waits for."""
