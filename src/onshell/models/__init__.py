"""Networks, schedules, priors, losses and samplers."""
