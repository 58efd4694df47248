"""How every test runs: no deadline for a generated example, since the machine may be busy with other things; files in memory.

Tests kill processes and never the machine, so nothing that they write has to reach a disk, and waiting for one is most of their time.
"""

import os
import shutil
from pathlib import Path

from hypothesis import settings

MEMORY = Path("/dev/shm")
ROOM = 2 << 30

settings.register_profile("house", deadline=None)
settings.load_profile("house")
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
