"""Flask's routes, a blueprint per resource."""
