"""What can be wrong with rows: copies, labels, marks, and columns that know too much."""
