"""The batches of a run: where their images lie decides how they come to the device."""
