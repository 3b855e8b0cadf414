"""Small trainings that belong to an audit, the logs of large ones, and the ground where they ended."""
