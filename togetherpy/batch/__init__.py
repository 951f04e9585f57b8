"""Many requests: in memory, from file to file, as jobs of the service."""
