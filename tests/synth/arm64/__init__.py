"""Made-up ARM64 systems: the same ones, with functions, stacks, page tables and processors of another architecture."""
