"""Plans: what a call of Snakemake would run, what is built already, and what the rest costs."""
