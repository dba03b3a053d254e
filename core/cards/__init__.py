"""Policy cards: enough to judge a choice from it alone."""
