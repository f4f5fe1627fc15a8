"""How dates and times are written, in each language: 2026-11-22, 2026-11-22 10:00."""
