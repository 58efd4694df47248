"""Frozen values that all rooms speak."""
