"""bench-augment: images per second, against the augmentation of other libraries."""
