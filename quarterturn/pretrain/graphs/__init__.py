"""Steps of training that a GPU replays as one, where that pays."""
