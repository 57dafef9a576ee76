"""Consent that the pipeline can check."""

__version__ = "0.1.0"
