"""The vocabulary every other room speaks: frozen records, the questions an engine answers, and the errors.

Imports nothing but the standard library.
"""
