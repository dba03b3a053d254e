"""The REST front end: thin. It validates, calls `core`, and queues trials."""
