"""What every test starts from: one thread a process, so that two workers share two cores."""

import os

# Before torch is imported: OpenMP reads it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
