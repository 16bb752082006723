"""How Hypothesis runs: the same examples each time; `--hypothesis-profile=explore` tries more."""

from hypothesis import HealthCheck, settings

# A loaded machine is no fault of the code's: a slow example is not a failing one.
settings.register_profile(
    "steady",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", settings.get_profile("steady"), derandomize=False, max_examples=5000, print_blob=True
)
settings.load_profile("steady")
