"""What a warm start saves, how robust it is, and whether rankings survive it (HPT)."""
