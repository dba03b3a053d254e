"""bench-table: augmentation policies x image sets x seeds x lengths, criteria beside accuracy."""
