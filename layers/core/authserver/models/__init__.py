"""What is stored, by subject. Times ending in ``_at`` are epoch seconds, lifetimes are seconds."""

ACTIVE, DISABLED = "active", "disabled"
