"""Real image sets from package registries, as archives; labels only for evaluation."""
