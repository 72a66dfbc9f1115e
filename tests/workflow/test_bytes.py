"""Same configuration, same bytes: truth, training sets, weights, samples and metrics of small runs, to the bit.

They hold every family, chart, loss and sampler. A change that should not change numbers leaves them equal; one that
should writes them anew with `python tests/workflow/test_bytes.py`, in a commit that says why.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
HELD = TESTS / "data" / "bytes.json"
PLAIN = {
    "OMP_NUM_THREADS": "1",
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2,-AVX",
}
"""What makes every x86-64 processor add up in one order."""


def made(folder):
    """Return the sha256 of everything that the small runs make, by name."""
    command = [sys.executable, "-W", "ignore", TESTS / "helpers" / "bytes.py", TESTS / "data" / "bytes.yaml", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | PLAIN)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text())


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the bytes that are held are of x86-64")
def test_the_same_configuration_gives_the_same_bytes(tmp_path):
    assert made(tmp_path) == json.loads(HELD.read_text())


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        HELD.write_text(json.dumps(made(Path(scratch)), indent=1) + "\n")
