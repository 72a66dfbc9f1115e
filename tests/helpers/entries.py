"""The entries of figures and tables in config.yaml, as drawing code gets them."""

from pathlib import Path

import yaml

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
FIGURES = CONFIG["figures"]
TABLES = CONFIG["tables"]
