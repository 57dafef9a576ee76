"""The promises of the founding policies, and the tests that show each."""
