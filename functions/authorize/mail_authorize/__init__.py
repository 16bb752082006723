"""The API's authorizer: it finds the caller of a key, and what the key may do."""
