"""Archives, decoding, caches."""
