"""What is raised when a loss cannot be boosted as asked."""


class BoostingError(ValueError):
    """Something does not fit together; the message says what was seen, why it matters and what to write instead."""
