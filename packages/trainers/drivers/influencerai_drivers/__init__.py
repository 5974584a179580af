"""Drivers that put a step gate into trainers of other hands, without a fork or a patch on disk."""
