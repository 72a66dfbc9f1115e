"""Files that may be damaged: each fault is one line that names the file, and the key."""

import json

import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.core.files import save_whole
from onshell.core.forms import Lhe, Metadata
from onshell.core.reading import checked, load, read_json, strict_json, table_metadata
from onshell.evaluation.result_forms import Floor, Metrics

OBSERVABLE = {"w1": 0.1, "ks": 0.2}
METRICS = {
    "run": "muon-q-diffusion",
    "dataset": "muon",
    "process": "muon",
    "observables": {"E_1": OBSERVABLE},
    "features": {"invariant": {"auc": {"mean": 0.5}}},
    "conservation": {"median_energy": 0.3, "energy_max": 1e-16},
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"observables": {"E_1": "x"}}, r"observables\.E_1 = 'x': "),
        ({"observables": {"E_1": {"w1": 0.1}}}, r"without observables\.E_1\.ks"),
        ({"observables": {"E_1": {"w1": True, "ks": 0.1}}}, r"observables\.E_1\.w1 = True: "),
        ({"conservation": {"median_energy": 0.3, "energy_max": "0"}}, r"conservation\.energy_max = '0': "),
        ({"features": [1]}, r"features = \[1\]: "),
        ({"run": None}, "run = None: "),
        ({"counts": {"sample": -1}}, r"counts\.sample = -1: "),
        ({"vetoed": None}, "vetoed = None: "),
    ],
)
def test_a_value_of_another_type_is_one_line_with_file_and_key(change, fault, tmp_path):
    path = tmp_path / "m.json"
    path.write_text(json.dumps(METRICS))
    assert read_json(path, "metrics file", "make it", Metrics) == METRICS
    path.write_text(json.dumps(METRICS | change))
    with pytest.raises(OnshellError, match=rf"m\.json: metrics file:? {fault}") as caught:
        read_json(path, "metrics file", "make it", Metrics)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": "\\ud800"}', "[" * 100_000, b'{"\xe9": 1}', "{", b"\xff"],
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        strict_json(text)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"seed": "1"}, "seed"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"lhe": {}}, "without lhe.file"),
        ({"lhe": None}, "lhe"),
        ({"split": {"train": 3}}, "split.train"),
        ({"augmentation": {"b": [[0.0, 0.0]], "x": [1.0]}}, "augmentation.b.0"),
        ({"augmentation": {"b": [[0.0, 0.0, 0.0]], "x": []}}, "augmentation"),
        ({"spec": {"network": "mlp"}}, "spec.network"),
        ({"generator": 3}, "generator"),
        ({"parameters": [3]}, "parameters"),
        ({"conserves": "no"}, "conserves"),
        ({"n_particles": 3.0}, "n_particles"),
    ],
)
def test_metadata_of_another_type_are_refused(change, key):
    with pytest.raises(OnshellError, match=rf"t\.parquet: metadata:? {key}"):
        table_metadata(json.dumps(change).encode(), "t.parquet")


def test_metadata_with_numbers_that_are_none_are_refused():
    with pytest.raises(OnshellError, match=r"t\.parquet: its metadata is not JSON \(a\.1\.seed is nan, which"):
        table_metadata(b'{"a": [0, {"seed": NaN}]}', "t.parquet")


def test_what_is_not_named_may_be_anything():
    found = {"mine": [None, {"x": "y"}]}
    assert checked(found, Metadata, "here", "") is found
    with pytest.raises(OnshellError, match="here without comparison, floor, replicates"):
        checked(found, Floor, "here", "fix it")
    assert "file" in Lhe.model_fields


def test_a_flipped_bit_of_a_torch_file_is_found_wherever_it_matters(tmp_path):
    path = tmp_path / "model.pt"
    weights = {"weights": torch.arange(64, dtype=torch.float32)}
    save_whole(weights, path)
    whole = path.read_bytes()
    assert torch.equal(load(path, "model file", "train")["weights"], weights["weights"])
    start = whole.index(weights["weights"].numpy().tobytes())
    for place in range(start, start + 256, 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(OnshellError, match=r"model\.pt: a foreign or damaged model file \(.*checksum.*\); train"):
            load(path, "model file", "train")
    # Wherever else a bit flips, the file gives the same or is refused in one line.
    for place in range(0, len(whole), 29):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            assert torch.equal(load(path, "model file", "train")["weights"], weights["weights"])
        except OnshellError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_torch_files_of_other_kinds_are_refused(tmp_path):
    torch.save([1], tmp_path / "list.pt")
    torch.save({"a": 1}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "empty.pt").write_bytes(b"")
    for name in ("list", "old", "empty"):
        with pytest.raises(OnshellError, match=rf"{name}\.pt: a foreign or damaged state"):
            load(tmp_path / f"{name}.pt", "state", "remove it")


def test_the_file_that_is_verified_is_the_one_that_is_read(tmp_path, monkeypatch):
    path, other = tmp_path / "a.pt", tmp_path / "b.pt"
    save_whole({"x": 1}, path)
    save_whole({"x": 2}, other)
    plain = torch.load
    monkeypatch.setattr(torch, "load", lambda *words, **options: other.replace(path) and plain(*words, **options))
    assert load(path, "file", "make it again") == {"x": 1}
