"""What every HTTP API shares."""
