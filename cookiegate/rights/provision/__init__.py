"""Providing data to others: the records that the law asks for, and its exceptions."""
