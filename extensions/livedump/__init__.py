"""Triage of Windows kernel live dumps: what a dump is, who took it and why, and whether it is complete."""

__version__ = "0.1.0"
