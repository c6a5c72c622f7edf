"""Makes the model that the box runs: nights, network, training, conversion, evaluation.  The box imports none of it."""
