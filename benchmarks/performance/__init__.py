"""How fast it is: augmentation, steps, candidates, ingest, load, scaling, GPUs; and chaos."""
