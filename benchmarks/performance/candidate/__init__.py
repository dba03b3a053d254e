"""bench-candidate: what one candidate costs, against how others would run it."""
