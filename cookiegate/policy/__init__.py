"""Policies: documents, their checks, versions, differences, and the notices that visitors read."""
