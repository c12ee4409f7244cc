"""What was going on in the machine: one pure function an analysis, over what one pass over the dump found."""
