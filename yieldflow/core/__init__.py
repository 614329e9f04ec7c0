"""The pure core: commands in, events out. No clock, no I/O, no randomness, no globals."""
