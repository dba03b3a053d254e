"""The embedded stack: PostgreSQL and Redis from wheels, on private sockets in the data folder."""
