"""What a loss of labels and classes makes of probabilities."""
