"""Real recordings of sleep laboratories, with their scorers' stages, as nights to learn from."""
