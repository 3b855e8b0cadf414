"""What a loss rewards, what the metric does, and how far apart they are."""
