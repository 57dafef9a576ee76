"""Decisions, what they grant, and the consent that holds now."""
