"""Retention: what is due goes, on time and for good."""
