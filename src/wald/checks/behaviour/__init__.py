"""How a loss treats a batch, its caller and its own parts."""
