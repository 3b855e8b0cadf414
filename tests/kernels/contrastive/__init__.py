"""Contrastive losses in blocks, held to their definitions."""
