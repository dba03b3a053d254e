"""Self-supervised pretraining: encoders, methods, the training loop, checkpoints, collapse."""
