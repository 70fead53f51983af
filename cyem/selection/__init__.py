"""Which model: the grid of candidates, the contest of their starts, criteria, and the table of answers.

How one fit works is not known here. What is drawn of it is in `cyem.plotting`.
"""
