"""Checks of what computes, on machines with GPUs and without."""

from types import SimpleNamespace

import pytest
import torch

from onshell.doctor import accelerator

SLURM = {"executor": "slurm", "default_resources": {"slurm_partition": "gpu", "slurm_account": "physics"}}


@pytest.fixture
def machine(monkeypatch):
    """A function that pretends that this machine has these GPUs, and a torch built for this CUDA."""

    def make(number=0, cuda="12.8", capability=(8, 0), error=None, amx=True):
        def start():
            if error:
                raise RuntimeError(error)

        gpu = SimpleNamespace(name="NVIDIA A100", total_memory=80 * 2**30)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
        monkeypatch.setattr(torch.cuda, "init", start)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: gpu)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda place: "NVIDIA V100")
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda place: capability)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx}, raising=False)

    return make


def test_gpus_are_listed(context, machine):
    machine(4)
    found = accelerator.gpus(context(device="cuda"))
    assert found.level == "ok"
    assert "4 GPU: NVIDIA A100 (80 GiB), NVIDIA A100 (80 GiB)" in found.found


def test_fewer_gpus_than_a_run_takes_are_a_warning_where_they_were_asked_for(context, machine):
    machine(1)
    found = accelerator.gpus(context(device="cuda"))
    assert (found.level, found.remedy) == ("warning", "try srun --gpus=4")
    assert accelerator.gpus(context()).level == "ok"


def test_no_gpu_is_a_fault_only_where_one_is_asked_for(context, machine):
    machine(0, error="Found no NVIDIA driver on your system.")
    assert accelerator.gpus(context()).level == "ok"
    assert accelerator.gpus(context(device="cuda")).level == "fault"
    found = accelerator.gpus(context(**SLURM))
    assert found.level == "warning"
    assert "that is normal on a login node" in found.found
    assert found.remedy == (
        "check on a GPU node: srun --partition=gpu --account=physics --gpus=1 onshell doctor --device cuda"
    )


def test_a_driver_that_is_too_old_is_told(context, machine):
    machine(0, error="The NVIDIA driver on your system is too old (found version 11040).")
    found = accelerator.gpus(context(device="cuda"))
    assert found.level == "fault"
    assert "too old (found version 11040)" in found.found
    assert found.remedy == "ask for a newer driver, or install a torch for an older CUDA"


def test_a_torch_without_cuda_is_told(context, machine):
    machine(0, cuda=None)
    assert accelerator.gpus(context(device="cuda")).level == "fault"
    found = accelerator.gpus(context(**SLURM))
    assert found.level == "warning"
    assert "is built without CUDA, and jobs of the profile ask for GPUs" in found.found
    machine(0)
    assert "starts CUDA, which shows none" in accelerator.gpus(context(device="cuda")).found


def test_bf16_is_that_of_the_gpu_or_the_processor(context, machine):
    machine(1)
    assert accelerator.bf16(context()).found == "on cuda:0: auto means bf16"
    machine(1, capability=(7, 0))
    assert accelerator.bf16(context()).found == "none on NVIDIA V100: auto means fp32"
    machine(amx=True)
    assert accelerator.bf16(context()).level == "ok"
    machine(amx=False)
    assert accelerator.bf16(context()).level == "warning"
    assert accelerator.bf16(context(**SLURM)).level == "ok"


def test_a_product_is_computed_and_compared(context, monkeypatch):
    assert accelerator.multiplication(context()).found == "bf16 matrices on cpu"
    plain = torch.Tensor.__matmul__
    wrong = lambda a, b: plain(a, b) * (1.1 if a.dtype == torch.bfloat16 else 1)  # noqa: E731
    monkeypatch.setattr(torch.Tensor, "__matmul__", wrong)
    found = accelerator.multiplication(context())
    assert (found.level, found.found) == ("fault", "off by 10.0% on cpu")

    def refuse(a, b):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr(torch.Tensor, "__matmul__", refuse)
    assert "no kernel image is available" in accelerator.multiplication(context()).found


def test_a_compiler_is_needed_only_if_a_run_compiles(context, config, monkeypatch, programs, tmp_path):
    assert accelerator.compilation(context()).found == "not needed: no run sets training.compile"
    config["runs"]["muon-q-diffusion"]["training"] = {"compile": True}
    monkeypatch.delenv("CXX", raising=False)
    path = programs("g++", "exit 0")
    assert accelerator.compilation(context()).found == f"{path}, for muon-q-diffusion set training.compile"
    monkeypatch.setenv("PATH", str(tmp_path))
    found = accelerator.compilation(context())
    assert (found.level, found.remedy) == ("fault", "install one, or set compile: false")
    monkeypatch.setattr(accelerator, "find_spec", lambda name: None)
    monkeypatch.setattr(accelerator, "_places", lambda context: iter([torch.device("cuda", 0)]))
    assert "triton is not installed" in accelerator.compilation(context()).found


def test_processes_that_train_together_need_torchrun_and_nccl(context, config, monkeypatch, activated):
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: False)
    assert accelerator.several_gpus(context()).found.endswith("take up to 4 GPUs; torchrun is here, with Gloo")
    assert accelerator.several_gpus(context(device="cuda")).level == "fault"
    assert accelerator.several_gpus(context(**SLURM)).level == "warning"
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: True)
    assert accelerator.several_gpus(context(device="cuda")).level == "ok"
    monkeypatch.setenv("PATH", "")
    assert "torchrun is not on PATH" in accelerator.several_gpus(context()).found
    monkeypatch.setattr(torch.distributed, "is_available", lambda: False)
    assert accelerator.several_gpus(context()).level == "fault"
    config["resources"] = {}
    assert accelerator.several_gpus(context()).found == "not needed: every run takes one GPU"
