"""The JSON schema that is made of the types: every key is described, every mapping closed."""

import jsonschema
import pytest

from helpers.clones import ROOT
from onshell import config as configuration
from onshell.config.schema import schema

CONFIG = configuration.read(ROOT / "config.yaml")


@pytest.fixture(scope="module")
def objects():
    made = schema()
    return [("", made), *made["$defs"].items()]


def test_every_key_is_described(objects):
    keys = [(name, key, entry) for name, node in objects for key, entry in node.get("properties", {}).items()]
    assert len(keys) > 150
    assert [(name, key) for name, key, entry in keys if "description" not in entry] == []


def test_every_mapping_is_closed_but_that_of_a_custom_network(objects):
    assert [name for name, node in objects if node.get("additionalProperties") is not False and "enum" not in node] == [
        "CustomNetwork"
    ]


def test_the_schema_takes_the_configuration_and_refuses_an_unknown_key():
    checked = jsonschema.Draft202012Validator(schema())
    assert list(checked.iter_errors(CONFIG)) == []
    wrong = configuration.merge(CONFIG, {"runs": {"muon-q-diffusion": {"augmentaton": "single"}}})
    assert [error.validator for error in checked.iter_errors(wrong)] == ["additionalProperties"]
