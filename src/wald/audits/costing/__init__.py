"""What predictions cost, by the loss and by the metric, and what a constant would."""
