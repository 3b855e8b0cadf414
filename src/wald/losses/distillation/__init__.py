"""Distillation: a student learns from the logits or the features of a teacher."""
