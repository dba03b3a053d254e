"""What `quarterturn.Client` can do, by resource."""
