"""The scheduled look at Taqnyat, and the resuming of a paused sending."""
