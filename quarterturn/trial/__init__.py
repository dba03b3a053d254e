"""One trial from start to result: pretrain a candidate, freeze the encoder, score it."""
