"""What of a loss can be set."""

from __future__ import annotations

from dataclasses import fields

from ...core import Loss


def has_field(loss: Loss, name: str) -> bool:
    """Whether this is a field, which `replace` sets; some losses work it out from others."""
    return any(field.name == name for field in fields(loss))  # pyright: ignore[reportArgumentType]
