"""How every test runs: no deadline for a generated example, since the machine may be busy with other things."""

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
