"""Write requirements.lock and environment.yaml from the packages of the running environment: `make lock`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def pins() -> list[str]:
    """Return the pins of this environment, local versions (torch's +cpu) and the package itself left out."""
    frozen = subprocess.run(
        [sys.executable, "-m", "pip", "freeze", "--exclude-editable"], check=True, capture_output=True, text=True
    ).stdout
    return [line.partition("+")[0] for line in frozen.splitlines() if "==" in line]


def main() -> None:
    """Write both files."""
    lines = pins()
    head = "# Made by `make lock`; the same pins as {}. torch comes from PyPI: with CUDA on Linux, without on macOS.\n"
    (HERE / "requirements.lock").write_text(head.format("environment.yaml") + "\n".join(lines) + "\n")
    listed = "".join(f"      - {line}\n" for line in lines)
    (HERE / "environment.yaml").write_text(
        head.format("requirements.lock")
        + f"name: onshell\nchannels: [conda-forge]\ndependencies:\n  - python>=3.11,<3.14\n  - pip\n  - pip:\n{listed}"
    )


if __name__ == "__main__":
    main()
