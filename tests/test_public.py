"""The public face of the package: every name is there, and nothing is imported before it is asked for."""

import subprocess
import sys

import onshell


def test_every_public_name_is_there():
    assert {name: getattr(onshell, name).__name__ for name in onshell.__all__ if name != "__version__"}
    assert dir(onshell) == onshell.__all__


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, onshell; print({'torch', 'numpy', 'pydantic', 'yaml'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
