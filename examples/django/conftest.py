"""Django's settings, before a test imports what needs them."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
