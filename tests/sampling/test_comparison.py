"""Whether a model is the one that the configuration describes."""

from pathlib import Path

import pytest

from helpers.specs import run_spec
from onshell.core.errors import OnshellError
from onshell.sampling.comparison import check_same_run

PATH = Path("runs/model.pt")


def test_a_model_of_the_configuration_passes():
    check_same_run(PATH, run_spec(), run_spec())
    check_same_run(PATH, run_spec(), {})
    # YAML and JSON know no tuples, and 1 is 1.0.
    check_same_run(PATH, run_spec(), {"schedule": {**run_spec()["schedule"], "gamma": (0.01, 0.05)}, "unit": 1})


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"training": {"lr": 5e-4}}, r"trained with training\.lr = 0\.001, the configuration says 0\.0005; train it"),
        ({"network": {"depth": 5, "width": 8}}, r"trained with network\.width = 32, the configuration says 8"),
        (
            {"schedule": {"gamma": [0.01, 0.06]}},
            r"with schedule\.gamma = \[0\.01, 0\.05\], the .* says \[0\.01, 0\.06\]",
        ),
        ({"training": {"ema": 0.999}}, r"trained without training\.ema, the configuration says 0\.999"),
        ({"n_particles": 10}, r"trained with n_particles = 3, the configuration says 10"),
        ({"schedule": None}, r"trained with schedule = \{.*\}, the configuration says None"),
    ],
)
def test_the_first_difference_is_named(expect, message):
    found = run_spec()
    found["training"].pop("ema", None)
    wanted = {key: {**found[key], **value} if isinstance(value, dict) else value for key, value in expect.items()}
    with pytest.raises(OnshellError, match=rf"^runs/model\.pt: .*{message}"):
        check_same_run(PATH, found, wanted)


def test_a_key_that_the_configuration_lacks_is_a_difference():
    wanted = run_spec()["training"]
    del wanted["clip"]
    with pytest.raises(OnshellError, match=r"trained with training\.clip = 1\.0, the configuration does not set it"):
        check_same_run(PATH, run_spec(), {"training": wanted})
    with pytest.raises(OnshellError, match="trained without prior, the configuration says 'rambo'"):
        check_same_run(PATH, {}, {"prior": "rambo"})
