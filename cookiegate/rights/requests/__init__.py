"""Requests: a person exercises a right, from the first word to the notice of what was decided."""
