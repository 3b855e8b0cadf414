"""Generative models: critics, latent variables, noise."""
