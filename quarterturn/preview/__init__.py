"""Contact sheets: images beside views of them under a policy."""
