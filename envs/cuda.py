"""Say by the exit code, 0 for yes, whether the torch of this environment asks for CUDA libraries."""

import sys
from importlib.metadata import requires

sys.exit(not any(line.startswith(("nvidia-", "cuda-")) for line in requires("torch") or ()))
