"""One named rule per figure: `snakemake figNN` builds it and what it needs, nothing else.

Makes: <preset>/figures/ from the entries under `figures` in config.yaml. Needs: what each entry says.
"""


rule figures:
    """Every figure."""
    input:
        products("figures"),
    localrule: True


for name, entry in config["figures"].items():

    rule:
        name:
            name
        input:
            products=inputs("figures", name),
        output:
            **outputs("figures", name),
        log:
            L.log("figures", config["preset"], name),
        benchmark:
            L.benchmark("figures", config["preset"], name)
        localrule: True
        conda:
            CONDA
        threads: 1
        resources:
            mem_mb=2000,
            disk_mb=100,
            runtime=20,
        params:
            name=name,
            entry=leaf(entry),
            code=drawing("figures", name),
            folder=lambda wildcards, output: str(Path(output[0]).parent),
            scale=config["scale"],
            settings=overrides,
            preset=config["preset"],
        shell:
            "onshell figure {params.name:q} -o {params.folder:q}"
            " --scale {params.scale:q} --preset {params.preset:q} {params.settings:q} > {log:q} 2>&1"

    describe(name, title_line("figures", name))
