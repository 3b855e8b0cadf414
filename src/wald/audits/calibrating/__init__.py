"""Whether predictions mean what they say: probabilities, classes, points, quantiles and tokens."""
