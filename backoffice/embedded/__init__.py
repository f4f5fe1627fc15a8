"""PostgreSQL and Valkey of the project's own, for a machine that has neither: only the binaries of two packages are used."""
