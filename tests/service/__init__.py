"""The service over HTTP, on the real stack."""
