"""What augmentation adds to a step of pretraining."""
