"""Automatic checks at submission. One file, one gate; ``base.py`` says what a gate is."""
