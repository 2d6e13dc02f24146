"""Items and records: how each model is written into an item, and read out of one that may be malformed."""
