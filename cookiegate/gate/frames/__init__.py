"""The gate for columns: what :mod:`cookiegate.gate.frame` is made of."""
