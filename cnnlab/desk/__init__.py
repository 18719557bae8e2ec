"""Around a student's work: is this machine ready, and what would be handed in."""
