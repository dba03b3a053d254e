"""Many readers and four workers of trials that train nothing, on a real stack."""
