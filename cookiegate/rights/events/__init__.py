"""Collected events in our own files: searched, erased and set aside by subject."""
