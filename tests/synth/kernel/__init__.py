"""Made-up systems on real kernel layouts: processors, processes, threads with stacks, locks, requests and memory.

``build("quiet")`` answers a dump, its symbols and its truth; ``build("quiet", "7601")`` the same system on another
layout; ``build_system(replace(...))`` a variant. README.md tells what a system is made of.
"""
