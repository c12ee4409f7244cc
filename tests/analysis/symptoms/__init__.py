"""Tests of what was going on in made-up machines."""
