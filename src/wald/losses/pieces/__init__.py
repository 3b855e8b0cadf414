"""What several losses are made of: stable arithmetic, axes, distances, orders."""
