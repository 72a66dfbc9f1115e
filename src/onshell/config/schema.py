"""The JSON schema of the configuration, for editors: `python -m onshell.config.schema > config.schema.json`."""

import json
from typing import Any

from onshell.config.document import Configuration


def schema() -> dict[str, Any]:
    """Return the schema, made of the types."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Configuration.model_json_schema()}


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
