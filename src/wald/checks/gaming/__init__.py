"""Whether the number can be won without doing the job."""
