"""What exported files bring along. Each module is copied into exports and imports no other."""
