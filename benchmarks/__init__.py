"""Measurements, each a command; what they found stands in ``results/``."""
