"""Weights of encoders from elsewhere: reading files safely, matching names, storing, loading.

The state that a rung continues from is another thing: `core.pretraining.checkpoints`.
"""
