"""The gate inside other hosts' shapes."""
