"""Two dumps of one machine: how fast things grow, what never moved. Pure functions of the records of two reports.

``comparing.compare(before, after)`` gives a ``model.difference.Difference``; ``comparing.compare_all(reports)`` those
of a whole series. Reports are fresh ones with their symptoms, or what was read back from JSON or a file of results:
``Report.symptoms.snapshot`` has all counts that are needed, and nothing is asked of an engine.
"""
