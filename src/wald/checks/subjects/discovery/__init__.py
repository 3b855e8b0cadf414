"""How a foreign loss wants to be called: what its names say, what trial calls prove, what its behaviour means."""
