"""Accidents: who is affected, who is told, and by when."""
