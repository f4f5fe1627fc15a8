"""Ways by which a notice leaves the platform."""
