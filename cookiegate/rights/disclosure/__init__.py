"""Disclosure: everything recorded about a person, for that person."""
