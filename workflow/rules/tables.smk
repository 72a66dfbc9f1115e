"""One named rule per table: `snakemake tabN` builds it and what it needs, nothing else.

Makes: <preset>/tables/ from the entries under `tables` in config.yaml. Needs: what each entry says.
"""


rule tables:
    """Every table."""
    input:
        products("tables"),
    localrule: True


for name, entry in config["tables"].items():

    rule:
        name:
            name
        input:
            products=inputs("tables", name),
        output:
            **outputs("tables", name),
        log:
            L.log("tables", config["preset"], name),
        benchmark:
            L.benchmark("tables", config["preset"], name)
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
            code=drawing("tables", name),
            folder=lambda wildcards, output: str(Path(output[0]).parent),
            scale=config["scale"],
            settings=overrides,
            preset=config["preset"],
        shell:
            "onshell table {params.name:q} -o {params.folder:q}"
            " --scale {params.scale:q} --preset {params.preset:q} {params.settings:q} > {log:q} 2>&1"

    describe(name, title_line("tables", name))
