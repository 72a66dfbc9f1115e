"""One page of everything at a scale: it can be mailed, printed, and read on a phone.

Makes: index.html. Needs: figures, tables, metrics and records of the preset; of other presets it shows what is there.
"""


rule pages:
    """The page of the scale: every figure and table, metrics beside the floor, trainings, what ran where."""
    input:
        figures=products("figures"),
        tables=products("tables"),
        metrics=list(map(L.metrics, config["runs"])),
        summary=list(L.summary().values()),
        records=[L.record(run) for run in config["runs"]],
        histories=list(map(history, config["runs"])),
        captions=CAPTIONS,
        code=PAGES,
    output:
        page=L.page(),
    log:
        L.log("pages", config["preset"]),
    benchmark:
        L.benchmark("pages", config["preset"])
    localrule: True
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=2000,
        disk_mb=100,
        runtime=20,
    params:
        shown=leaf([titles(), config["figures"], config["tables"]]),
        scale=config["scale"],
        settings=overrides,
    shell:
        "onshell page -o {output.page:q} --scale {params.scale:q} {params.settings:q} > {log:q} 2>&1"
