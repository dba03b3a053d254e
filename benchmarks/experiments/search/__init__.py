"""bench-search: how soon each strategy has a policy that is nearly the best there is."""
