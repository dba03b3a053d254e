"""Parts of bench-gpu."""
