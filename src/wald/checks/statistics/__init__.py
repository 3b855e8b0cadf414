"""What a loss of numbers elicits."""
