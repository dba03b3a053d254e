"""What a search returns, for people: the selected policy, and how it looks in notebooks."""
