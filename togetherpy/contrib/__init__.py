"""What connects togetherpy to other libraries. Each module is loaded by those who import it, and by nobody else."""
