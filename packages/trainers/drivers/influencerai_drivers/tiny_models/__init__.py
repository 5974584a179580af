"""Builders of tiny random models, on which the real trainers are tried out on a CPU."""
