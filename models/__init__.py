"""What stage of sleep is this?  Epochs in, stage estimates out.  Imports nothing else of ours."""
