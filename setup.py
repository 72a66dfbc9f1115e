"""The wheel carries the project that `onshell init` lays out: configuration, workflow, profiles, environment."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PROJECT = ("Snakefile", "config.yaml", "workflow", "profiles", "envs")


class WithProject(build_py):
    """The package, and the files of the top level as its data; an editable install finds them where they are."""

    def run(self) -> None:
        """Copy the package, then the project."""
        super().run()
        if self.editable_mode:
            return
        here, there = Path(__file__).resolve().parent, Path(self.build_lib, "onshell", "project")
        shutil.rmtree(there, ignore_errors=True)
        there.mkdir(parents=True)
        for name in PROJECT:
            if (here / name).is_dir():
                shutil.copytree(here / name, there / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(here / name, there / name)


setup(cmdclass={"build_py": WithProject})
