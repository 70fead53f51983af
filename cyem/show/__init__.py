"""Words, tables and HTML about mixtures, and how far a long call is.

May know families and their formulas; estimators come as arguments, and nothing above families is imported.
"""
