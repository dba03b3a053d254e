"""Jobs as they change: one look at the database per job and process, for all who watch."""
