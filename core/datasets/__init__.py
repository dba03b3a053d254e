"""Image sets as records of the service: creating, reading and deleting them."""
