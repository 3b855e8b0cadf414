"""What is measured: a loss, and how it is called."""
