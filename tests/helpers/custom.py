"""A folder to work in with a module of one's own, which a test may write again and again."""

import importlib
import sys
from pathlib import Path

import pytest

DEEP_SET = """
import torch
from torch import nn


class DeepSet(nn.Module):
    def __init__(self, n_particles, width=8):
        super().__init__()
        self.each = nn.Sequential(nn.Linear(3, width), nn.SiLU(), nn.Linear(width, width))
        self.out = nn.Sequential(nn.Linear(3 + width + 1, width), nn.SiLU(), nn.Linear(width, 3))

    def forward(self, x, t):
        mean = self.each(x).mean(1, keepdim=True).expand(-1, x.shape[1], -1)
        time = t.to(x.dtype)[:, None, None].expand(-1, x.shape[1], 1)
        return self.out(torch.cat([x, mean, time], -1))
"""
NAME = "my_networks"
OWN = {"type": f"{NAME}:DeepSet", "width": 8}


class Folder:
    """The folder that a test runs in."""

    def __init__(self, path: Path):
        self.path = path

    def write(self, text: str, name: str = NAME) -> Path:
        """Return the file of a module that holds `text` and that nobody has imported yet."""
        file = self.path / f"{name}.py"
        file.write_text(text)
        self.forget()
        return file

    def forget(self) -> None:
        """Have every module of the folder imported again."""
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(str(self.path)):
                del sys.modules[name]
        importlib.invalidate_caches()


@pytest.fixture
def custom_folder(tmp_path, monkeypatch):
    """The folder of the test, to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    # A compiled file is known by the second and the size of its source, which two edits of a test may share.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder = Folder(tmp_path)
    yield folder
    folder.forget()
