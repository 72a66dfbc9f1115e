import torch
from torchcfm import ConditionalFlowMatcher

from onshell.physics import generators
from onshell.qspace import QSpace, largest_violation

p, space, matcher = generators.events("muon", 20_000, seed=1), QSpace(n_particles=3), ConditionalFlowMatcher()
for name, data, to_p in (("p", p.flatten(1).float(), lambda x: x.view(-1, 3, 3)), ("q", space.embed(p), space.to_p)):
    net = torch.nn.Sequential(torch.nn.Linear(10, 128), torch.nn.SiLU(), torch.nn.Linear(128, 9))
    adam, noise = torch.optim.Adam(net.parameters(), lr=5e-3), space.prior.sample((len(data),))
    for x0, x1 in zip(noise.split(200), data.split(200), strict=True):
        t, x, velocity = matcher.sample_location_and_conditional_flow(x0, x1)
        loss = (net(torch.cat([x, t[:, None]], 1)) - velocity).square().mean()
        adam.zero_grad(), loss.backward(), adam.step()
    x = space.prior.sample((1000,))
    for k in range(50):
        x = x + net(torch.cat([x, torch.full((1000, 1), k / 50)], 1)) / 50
    print(f"flow in {name}-space: events off the shell by up to", largest_violation(to_p(x.detach())))
