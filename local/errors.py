"""The one error of the local stack that is meant for the person who started it."""


class LocalStackError(Exception):
    """Something that its user can understand and mend; shown without a traceback."""
