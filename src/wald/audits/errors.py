"""What is wrong with a case."""


class CaseError(ValueError):
    """A case that cannot be audited, with what is wrong and how to mend it."""
