"""Searches without a service."""
