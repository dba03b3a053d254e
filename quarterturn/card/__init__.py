"""Policy cards: what a search measured, as text, with the limits and risks of the choice."""
