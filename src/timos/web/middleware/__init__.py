"""The steps that a request takes before and after its handler. Called in a straight line by `web/dispatch`, not nested:
a wrapper around a wrapper costs more than the work of most of them.
"""
