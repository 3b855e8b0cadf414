"""What is raised when a choice or a design cannot be made from what was given."""


class ChoiceError(ValueError):
    """Something does not fit together; the message says what was seen, why it matters and what to write instead."""
