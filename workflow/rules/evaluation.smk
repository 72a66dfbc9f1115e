"""Generated events against truth, beside the statistical floor.

Makes: autoencoders/<dataset>.pt, <preset>/metrics/<run>.json. Needs: truth and generated events.
"""


rule metrics:
    """The metrics of every run."""
    input:
        list(map(L.metrics, config["runs"])),
    localrule: True


rule autoencoder:
    """Autoencoders trained on truth alone: the latent space of tab3."""
    input:
        truth=L.events("{dataset}"),
    output:
        networks=L.autoencoder("{dataset}"),
    log:
        L.log("autoencoder", "{dataset}"),
    benchmark:
        L.benchmark("autoencoder", "{dataset}")
    localrule: True
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=2000,
        disk_mb=100,
        runtime=60,
    params:
        events=SIZES["autoencoder"]["events"],
        epochs=SIZES["autoencoder"]["epochs"],
        seed=config["seed"],
    shell:
        "onshell autoencoder {input.truth} --train {params.events} --epochs {params.epochs} --seed {params.seed}"
        " -o {output.networks} > {log} 2>&1"


rule compare:
    """Every distance between a run's events and truth, with its floor: truth against truth at the same sizes."""
    input:
        samples=L.samples("{run}"),
        truth=lambda wildcards: L.events(spec(wildcards.run)["dataset"]),
        autoencoder=lambda wildcards: L.autoencoder(spec(wildcards.run)["dataset"]),
    output:
        metrics=L.metrics("{run}"),
    log:
        L.log("metrics", config["preset"], "{run}"),
    benchmark:
        L.benchmark("metrics", config["preset"], "{run}")
    localrule: True
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=3000,
        disk_mb=100,
        runtime=60,
    params:
        replicates=SIZES["floor_replicates"],
        seed=config["seed"],
    shell:
        "onshell metrics {input.samples} --truth {input.truth} --autoencoder {input.autoencoder}"
        " --replicates {params.replicates} --seed {params.seed} -o {output.metrics} > {log} 2>&1"
