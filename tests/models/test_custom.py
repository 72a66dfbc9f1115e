"""Networks of one's own: made from a spec as the package's are, and refused in one line where they are none."""

import pytest
import torch

from helpers.custom import DEEP_SET, OWN, custom_folder
from helpers.networks import awaken, returns_a_field, sees_the_time, small_spec
from onshell.core.errors import OnshellError
from onshell.models import custom as own
from onshell.models.build import build

__all__ = ["custom_folder"]

HEAD = "import torch\nfrom torch import nn\n"
FIELD = "    def forward(self, x, t):\n        return self.net(torch.cat([x.flatten(1), t[:, None]], -1)).view_as(x)\n"
NET = """
class Net(nn.Module):
    def __init__(self, n_particles, width=8, *, depth):
        super().__init__()
        if depth < 1:
            raise ValueError("depth is too small")
        self.net = nn.Linear(3 * n_particles + 1, 3 * n_particles)
"""


def spec(**network):
    return {**small_spec(), "network": {**OWN, **network}}


LINEAR = """        self.l = nn.Linear(3, 3)
    def forward(self, x, t):
        {}
"""


def plain(text):
    """The source of a network without arguments, its constructor's last line and its method `forward`."""
    return f"{HEAD}class Net(nn.Module):\n    def __init__(self, n_particles):\n        super().__init__()\n{text}"


def test_a_spec_becomes_a_custom_network(custom_folder):
    custom_folder.write(DEEP_SET)
    network = build(spec(width=16))
    assert type(network).__name__ == "DeepSet"
    assert network.out[0].out_features == 16
    assert network.training
    assert all(module.training for module in network.modules())
    returns_a_field(build(spec()), 3)
    sees_the_time(awaken(build(spec())), 3)


def test_its_weights_come_from_the_stream_of_the_run(custom_folder):
    # Numbers drawn by the module itself change nothing, whether it is imported for the first time or again.
    custom_folder.write(f"{DEEP_SET}\ntorch.rand(7)\n")
    torch.manual_seed(1)
    torch.rand(7)
    expected = torch.rand(1)
    torch.manual_seed(1)
    one, again, other = build(spec()), build(spec()), build({**spec(), "run": "another"})
    assert torch.equal(torch.rand(1), expected)
    for a, b in zip(one.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.out[0].weight, other.out[0].weight)


def test_lazy_layers_have_their_weights_and_dropout_stays_switched_on(custom_folder):
    layers = (
        "        self.net = nn.Sequential(nn.LazyLinear(3 * n_particles), nn.Dropout(0.5).eval(), nn.Dropout(0.5))\n"
    )
    custom_folder.write(plain(layers + FIELD))
    network = build({**spec(), "network": {"type": "my_networks:Net"}})
    assert network.net[0].weight.shape == (9, 10)
    assert [layer.training for layer in network.net] == [True, False, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"network\.depth: missing; 'my_networks:Net' needs it"),
        ({"depth": 1, "widht": 4}, r"network\.widht: 'my_networks:Net' does not take it; did you mean 'width'\?"),
        (
            {"depth": 0},
            r"cannot be made with n_particles = 3, depth = 0: ValueError: .*too small \(my_networks\.py, line",
        ),
        ({"depth": "x"}, r"cannot be made with .*depth = 'x': TypeError: "),
    ],
)
def test_arguments_that_the_class_refuses_are_named(custom_folder, options, message):
    custom_folder.write(HEAD + NET + FIELD)
    with pytest.raises(OnshellError, match=message) as caught:
        build({**spec(), "network": {"type": "my_networks:Net", **options}})
    assert "\n" not in str(caught.value)
    assert build({**spec(), "network": {"type": "my_networks:Net", "depth": 1}})


def test_a_class_of_any_arguments_takes_any(custom_folder):
    init = "    def __init__(self, **any):\n        super().__init__(any['n_particles'])\n"
    custom_folder.write(f"{DEEP_SET}\n\nclass Net(DeepSet):\n{init}")
    assert build({**spec(), "network": {"type": "my_networks:Net", "anything": [1]}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, r"no 'Net' in .*my_networks\.py"),
        (
            f"{HEAD}def Net(n_particles):\n    return nn.Linear(3, 3)\n",
            r"is the function Net; a network is a class that",
        ),
        (
            f"{HEAD}class Net:\n    pass\n",
            r"network\.type: 'my_networks:Net' is the class Net; a network is a class that",
        ),
        (f"{HEAD}class Net(nn.Module):\n    def __init__(self):\n        pass\n", "takes no n_particles"),
        (
            plain("        raise SystemExit(4)\n"),
            r"cannot be made with n_particles = 3: SystemExit: 4 \(my_networks\.py, line 6\)",
        ),
        (
            f"{HEAD}class Net(nn.Module):\n    def __new__(cls, n_particles):\n        return 7\n",
            "makes a int, not a torch",
        ),
        (plain(LINEAR.format("x.zero_(); return self.l(x)")), "changes the events, or the times, that it is given"),
        (plain(LINEAR.format("t.add_(1); return self.l(x)")), "changes the events, or the times, that it is given"),
        (plain(LINEAR.format("return self.l(x) * float('nan')")), "returns numbers that are NaN or infinite"),
        (plain(LINEAR.format("return self.l(x).to_sparse()")), r"returns torch\.float32 \(torch\.sparse_coo\)"),
        (plain(LINEAR.format("return self.l(x) + 1j")), r"returns torch\.complex64"),
        (plain(LINEAR.format("return self.l(x).detach()")), "no gradient reaches its weights"),
        (plain(LINEAR.format("return self.l.weight.data.sum() * x")), "no gradient reaches its weights"),
        (
            plain(LINEAR.format("assert not self.training, 'in training\\nonly'; return self.l(x)")),
            r"fails in training: AssertionError: in training only \(my_networks\.py, line 8\)",
        ),
        (plain("    def forward(self, x, t):\n        return x\n"), "has no weights to learn"),
        (
            plain(f"        self.net = nn.Linear(10, 9)\n{FIELD.replace('.view_as(x)', '')}"),
            r"returns shape \[5, 9\] for x \[5, 3, 3\], t \[5\]; it must return one vector per particle, \[5, 3, 3\]",
        ),
        (
            plain(f"        self.net = nn.Linear(10, 9)\n{FIELD.replace('view_as(x)', 'view_as(x).squeeze()')}"),
            r"returns shape \[3, 3\] for x \[1, 3, 3\], t \[1\]",
        ),
        (
            plain(f"        self.net = nn.Linear(7, 9)\n{FIELD}"),
            r"fails on x \[5, 3, 3\], t \[5\]: RuntimeError: .*\(my_networks\.py, line 8\)",
        ),
        (
            plain("        self.net = nn.Linear(3, 3)\n    def forward(self, x, t):\n        return self.net(x), t\n"),
            "returns tuple; it must return one vector per particle",
        ),
        (
            plain(
                "        self.net = nn.Parameter(torch.ones(1, dtype=torch.float64))\n"
                "    def forward(self, x, t):\n        return self.net * x\n"
            ),
            r"its weight 'net' is torch\.float64; networks are made in float32",
        ),
    ],
)
def test_what_is_no_network_is_refused_in_one_line(custom_folder, text, message):
    custom_folder.write(text)
    with pytest.raises(OnshellError, match=message) as caught:
        build({**spec(), "network": {"type": "my_networks:Net"}})
    assert "\n" not in str(caught.value)


def test_an_answer_is_the_same_until_the_code_is_another(custom_folder):
    custom_folder.write(DEEP_SET)
    wanted = own.answer(awaken(build(spec())).eval(), 3)
    assert wanted.shape == (own.EVENTS, 3, 3)
    own.check_answer(OWN["type"], wanted + 1e-7, wanted)
    with pytest.raises(OnshellError, match="does not compute what it did when it was trained: its code has changed"):
        own.check_answer(OWN["type"], wanted + 0.1, wanted)
    broken = torch.full_like(wanted, torch.nan)
    own.check_answer(OWN["type"], broken, broken)
    with pytest.raises(OnshellError, match="its code has changed"):
        own.check_answer(OWN["type"], broken, wanted)


def test_what_layers_learn_from_the_trial_is_taken_back(custom_folder):
    lines = "        self.l, self.n = nn.Linear(3, 3), nn.BatchNorm1d(3)\n"
    custom_folder.write(plain(f"{lines}    def forward(self, x, t):\n        return self.n(self.l(x))\n"))
    network = build({**spec(), "network": {"type": "my_networks:Net"}})
    assert network.n.num_batches_tracked == 0
    assert network.n.running_mean.abs().max() == 0
