"""Which encoder learns most per second of one CPU core, and which tells policies apart."""
