"""Copies of the whole record: made while it is in use, whole or not at all, the same form for every engine."""
