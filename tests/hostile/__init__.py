"""Input from strangers: archives, images and requests that are made to do harm."""
