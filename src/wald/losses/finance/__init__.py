"""Finance: returns and risks."""
