"""Generated events handed back as Les Houches files.

Makes: <preset>/samples/<run>.lhe.gz for the runs of processes with a source. Needs: generated and imported events.
"""


rule exports:
    """The Les Houches files of all runs of imported processes."""
    input:
        list(map(L.exported, exported())),
    localrule: True


rule export:
    """The events of one model as a Les Houches file; what the model does not know is taken from the imported events."""
    input:
        events=L.samples("{run}"),
        like=lambda wildcards: L.events(spec(wildcards.run)["dataset"]),
    output:
        lhe=L.exported("{run}"),
    log:
        L.log("export", config["preset"], "{run}"),
    benchmark:
        L.benchmark("export", config["preset"], "{run}")
    wildcard_constraints:
        run=alternatives(exported()),
    localrule: True
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=2000,
        disk_mb=1000,
        runtime=30,
    params:
        # Models of p-space do not conserve momentum, which Les Houches events must.
        project=lambda wildcards: (
            ["--project"] if spec(wildcards.run)["space"] == "p" else []
        ),
        # Energies that differ from event to event are taken only where the process says that they may be.
        independent=lambda wildcards: (
            ["--independent-energy"]
            if config["processes"][spec(wildcards.run)["process"]].get(
                "independent_energy"
            )
            else []
        ),
        seed=config["seed"],
    shell:
        "onshell export {input.events:q} --like {input.like:q} -o {output.lhe:q} --seed {params.seed:q} {params.project:q}"
        " {params.independent:q} > {log:q} 2>&1"
