"""A search on workers and databases that are killed, frozen and emptied all the time."""
