"""PostgreSQL: tables, sessions, state changes."""
