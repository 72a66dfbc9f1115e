"""Devices and precision."""

import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.training.device import autocast, choose_device, choose_precision

CPU = torch.device("cpu")


def test_auto_is_the_gpu_where_there_is_one():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu") == CPU


def test_cuda_without_a_gpu_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OnshellError, match="this machine has no CUDA GPU; use --device cpu"):
        choose_device("cuda")


@pytest.mark.parametrize("name", ["gpu", "mps", ""])
def test_unknown_devices_are_named(name):
    with pytest.raises(OnshellError, match="use auto, cpu, cuda or cuda:N"):
        choose_device(name)


@pytest.mark.parametrize(
    ("tiles", "products", "expected"), [(True, True, "bf16"), (False, True, "bf16"), (False, False, "fp32")]
)
def test_auto_precision_follows_the_processor(tiles, products, expected, monkeypatch):
    found = {"amx_bf16": tiles, "avx512_bf16": products, "avx512_f": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert choose_precision("auto", CPU) == expected


def test_precision_as_asked():
    assert choose_precision("fp32", CPU) == "fp32"
    assert choose_precision("bf16", CPU) == "bf16"
    with pytest.raises(OnshellError, match="precision: 'fp16'"):
        choose_precision("fp16", CPU)


def test_autocast_computes_as_named():
    a = torch.ones(2, 2)
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with autocast(CPU, precision):
            assert (a @ a).dtype == dtype
