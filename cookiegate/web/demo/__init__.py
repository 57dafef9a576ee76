"""``cookiegate demo``: the whole service behind a shop and a live view of its log. Never part of a real service."""
