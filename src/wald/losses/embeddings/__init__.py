"""Embeddings: what belongs together is near."""
