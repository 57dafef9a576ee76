"""The rights of the person: requests, erasure, restriction, retention, and who is told of them."""
