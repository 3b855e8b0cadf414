"""Two losses side by side: what a loss is said to be, what it is known as, and how two of them differ."""
