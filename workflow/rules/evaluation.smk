"""Generated events against truth, beside the statistical floor.

Makes: autoencoders/<dataset>.pt, floors/<dataset>.json, <preset>/metrics/<run>.json, <preset>/summary.{csv,md}.
Needs: truth and generated events.
"""


rule metrics:
    """The metrics of every run."""
    input:
        list(map(L.metrics, config["runs"])),
        list(L.summary().values()),
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
        "onshell autoencoder {input.truth:q} --train {params.events:q} --epochs {params.epochs:q} --seed {params.seed:q}"
        " -o {output.networks:q} > {log:q} 2>&1"


rule floor:
    """The statistical floor of a dataset: truth against truth at the sizes of its models' samples and its test."""
    input:
        truth=L.events("{dataset}"),
        autoencoder=L.autoencoder("{dataset}"),
    output:
        floor=L.floor("{dataset}"),
    log:
        L.log("floor", "{dataset}"),
    benchmark:
        L.benchmark("floor", "{dataset}")
    localrule: True
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=3000,
        disk_mb=100,
        runtime=60,
    params:
        size=lambda wildcards: configuration.n_samples(config, wildcards.dataset),
        replicates=SIZES["floor_replicates"],
        judge=lambda wildcards: pool_part(wildcards.dataset),
        seed=config["seed"],
    shell:
        "onshell floor {input.truth:q} --sample-size {params.size:q} --autoencoder {input.autoencoder:q}"
        " --replicates {params.replicates:q} --judge {params.judge:q} --seed {params.seed:q} -o {output.floor:q} > {log:q} 2>&1"


rule compare:
    """Every distance between a run's events and truth, beside its floor."""
    input:
        samples=L.samples("{run}"),
        truth=lambda wildcards: L.judged(spec(wildcards.run)["dataset"]),
        autoencoder=lambda wildcards: L.autoencoder(spec(wildcards.run)["dataset"]),
        floor=lambda wildcards: L.floor(spec(wildcards.run)["dataset"]),
    output:
        metrics=report(
            L.metrics("{run}"),
            caption="../report/metrics.rst",
            category="Metrics",
            labels={"run": "{run}", "shows": "distances to truth"},
        ),
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
        judge=JUDGE,
        seed=config["seed"],
    shell:
        "onshell metrics {input.samples:q} --truth {input.truth:q} --autoencoder {input.autoencoder:q}"
        " --floor {input.floor:q} --judge {params.judge:q} --seed {params.seed:q} -o {output.metrics:q} > {log:q} 2>&1"


rule summary:
    """The metrics of all runs in one table."""
    input:
        metrics=list(map(L.metrics, config["runs"])),
        records=[L.record(run) for run in config["runs"]],
    output:
        md=L.summary()["md"],
        csv=report(
            L.summary()["csv"],
            caption="../report/summary.rst",
            category="Metrics",
            labels={"run": "all", "shows": "every number"},
        ),
    log:
        L.log("summary", config["preset"]),
    benchmark:
        L.benchmark("summary", config["preset"])
    localrule: True
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=2000,
        disk_mb=100,
        runtime=20,
    params:
        published=leaf(configuration.published(config)),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        scale=config["scale"],
        settings=overrides,
        preset=config["preset"],
    shell:
        "onshell summary -o {params.folder:q} --scale {params.scale:q} --preset {params.preset:q} {params.settings:q} > {log:q} 2>&1"
