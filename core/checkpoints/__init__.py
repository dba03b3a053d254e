"""Checkpoints as records of the service: uploading, naming and deleting them."""
