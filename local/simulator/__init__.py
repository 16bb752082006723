"""A simulator of Taqnyat's mail API over HTTP, with a script that makes it fail.

Taqnyat offers no sandbox. This answers as its guide shows, malformed bodies included, and
remembers what it accepted. Pages: `/inbox`, `/calls`, `/script`, `/account` (see `control`).
"""

from local.simulator.fields import FieldError
from local.simulator.server import Simulator

__all__ = ["FieldError", "Simulator"]
