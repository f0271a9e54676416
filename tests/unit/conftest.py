"""Properties are tried on the same examples in every run: a failure can be seen again."""

from hypothesis import settings

settings.register_profile("sokho", derandomize=True, deadline=None, database=None)
settings.load_profile("sokho")
