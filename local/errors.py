"""The one error of the local stack that is meant for the person who started it."""


class LocalStackError(Exception):
    """An error that the user can understand and fix; shown without a traceback."""
