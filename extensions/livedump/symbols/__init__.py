"""Names for addresses: PDB files, the symbol path, stores, downloads, and an index that makes the second time quick.

Nothing is opened, let alone fetched, before an address in that module is asked for.
"""
