"""What did the hardware say?  Bytes, registers and pins in; frozen readings out.  Imports nothing else of ours."""
