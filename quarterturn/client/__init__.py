"""The REST client of the service."""

from quarterturn.client.client import Client
from quarterturn.client.connection import ServerError
from quarterturn.client.job import Job

__all__ = ["Client", "Job", "ServerError"]
