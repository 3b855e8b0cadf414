"""Divergences: how far one distribution is from another, a student from its teacher."""
