"""Addresses as evidence, and the officers who may look one up."""
