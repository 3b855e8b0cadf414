"""Classification: yes or no, one of several classes, several at once, ordered classes."""
