"""Segmentation: masks, by overlap, border and pixel."""
