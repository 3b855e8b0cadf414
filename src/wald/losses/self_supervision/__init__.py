"""Self-supervision: what is learned without labels."""
