"""The hot endpoints, a module per resource: plain functions from a call to a reply."""
