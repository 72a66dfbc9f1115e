"""The entries of figures and tables in config.yaml, as drawing code gets them."""

from pathlib import Path

from onshell.config import read

CONFIG = read(Path(__file__).parents[2] / "config.yaml")
FIGURES = CONFIG["figures"]
TABLES = CONFIG["tables"]
