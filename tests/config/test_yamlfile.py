"""YAML that multiplies, holds itself, or has values that no type fits: one line, at once."""

import pytest
import yaml

from onshell.config import overrides as settings
from onshell.config import profile as profiles
from onshell.config import yamlfile
from onshell.core.errors import OnshellError


def multiplied(merge=False):
    """Return a document of ten short lines that aliases make ten thousand million values of."""
    lines = ["x0: &x0 {a: 1, b: 2}" if merge else "x0: &x0 [a, b, c]"]
    for n in range(1, 11):
        copies = ", ".join([f"*x{n - 1}"] * 10)
        lines.append(f"x{n}: &x{n} {{'<<': [{copies}], c{n}: 1}}" if merge else f"x{n}: &x{n} [{copies}]")
    return "\n".join(lines).replace("'<<'", "<<")


BAD = [
    (multiplied(), "holds .* values, aliases written out"),
    (multiplied(merge=True), "holds .* values, aliases written out"),
    ("a: &a [*a]", "line 1: what begins there holds itself"),
    ("a: &a {b: *a}", "line 1: what begins there holds itself"),
    # In one line, PyYAML takes a time that grows with the square of it.
    ("[\n" * 5000, "nested too deeply"),
    ("a: 1\nb: !!int abc", "line 2: 'abc' is no int"),
    ("a: !!float x", "'x' is no float"),
    ("a: !!bool maybe", "'maybe' is no bool"),
    ("a: !!timestamp x", "'x' is no timestamp"),
    ("a: 2001-13-45", "'2001-13-45' is no timestamp"),
    ("a: " + "9" * 5000, "is no int"),
    ("a: !!map [x]", "is no map"),
    ("? [1, 2]\n: 3", "unhashable key"),
    ("yes: 3", "the key True in the mapping that begins in line 1 is no text"),
    ("3: 4", "the key 3 "),
    ("a: 1\na: 2", "the key 'a' stands twice"),
    ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ("a: [*b]", "undefined alias"),
    ("--- 1\n--- 2", "expected a single document"),
    ("a: b\0", "control characters are not allowed"),
    ("#" * (yamlfile.LARGEST_TEXT + 1), "longer than 4,000,000 characters"),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[text[:12] for text, _ in BAD])
def test_bad_yaml_is_one_line_wherever_it_is_read(tmp_path, text, said):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(yaml.YAMLError, match=said):
        yamlfile.parse(text)
    with pytest.raises(OnshellError, match=f"config.yaml: not valid YAML: .*{said}") as caught:
        yamlfile.load_mapping(path)
    assert "\n" not in str(caught.value)
    assert "not valid YAML" in profiles.read_profile(tmp_path, tmp_path).fault


def test_a_setting_that_is_bad_yaml_is_told_shortly():
    with pytest.raises(OnshellError, match=r"--set a=\[+: the value is not valid YAML: is nested too deeply") as caught:
        settings.apply({}, ["a=" + "[" * 600])
    assert len(str(caught.value)) < 400


def test_a_device_without_an_end_is_no_configuration():
    with pytest.raises(OnshellError, match="/dev/zero: not valid YAML"):
        yamlfile.load_mapping("/dev/zero")


@pytest.mark.parametrize("text", ["a: [", "*a", "x: y", "1", "plain"])
def test_text_that_yaml_would_take_for_something_else_is_a_setting(text):
    changed = settings.differences({"title": "old"}, {"title": text})
    assert settings.apply({"title": "old"}, changed) == {"title": text}


def test_aliases_are_written_out():
    found = yamlfile.parse("a: &a {x: [1]}\nb: *a\nc: {<<: *a, y: 2}")
    assert found == {"a": {"x": [1]}, "b": {"x": [1]}, "c": {"x": [1], "y": 2}}
    found["b"]["x"].append(2)
    assert found["a"]["x"] == found["c"]["x"] == [1]
