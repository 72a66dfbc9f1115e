import torch
import zuko

from onshell.physics import generators
from onshell.qspace import QSpace, largest_violation

p, space = generators.events("muon", 20_000, seed=1), QSpace(n_particles=3)  # any events [n, N, 3] with E_cm = 1
for name, data, to_p in (("p", p.flatten(1).float(), lambda x: x.view(-1, 3, 3)), ("q", space.embed(p), space.to_p)):
    flow = zuko.flows.MAF(features=9, transforms=3, hidden_features=(64, 64))
    adam = torch.optim.Adam(flow.parameters(), lr=2e-3)
    for batch in data.split(200):
        loss = -flow().log_prob(batch).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    print(f"flow in {name}-space: events off the shell by up to", largest_violation(to_p(flow().sample((1000,)))))
log_prob, error = space.log_prob(p[:100], flow().log_prob)  # on phase space, relative to uniform
