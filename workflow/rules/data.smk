"""Exact truth, or imported events, and the training sets made of them.

Makes: events/<dataset>.parquet, events/<dataset>.final.parquet, embedded/<dataset>.<augmentation>.parquet. Needs: nothing but config.yaml and the Les
Houches files that it names. Training sets that nothing is made of share one job a dataset: most of its time is its start.
"""


rule truth:
    """All exact truth."""
    input:
        list(map(L.events, DATASETS)),
    localrule: True


rule training_sets:
    """A training set for every dataset and augmentation."""
    input:
        list(map(L.embedded, L.training_sets())),
    localrule: True


rule generate:
    """Exact events of one dataset: the training part and the truth that no model sees."""
    output:
        events=L.events("{dataset}"),
    log:
        L.log("generate", "{dataset}"),
    benchmark:
        L.benchmark("generate", "{dataset}")
    wildcard_constraints:
        dataset=alternatives(set(DATASETS) - set(IMPORTED)),
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=2000,
        disk_mb=2000,
        runtime=30,
    params:
        dataset=lambda wildcards: leaf(asdict(DATASETS[wildcards.dataset])),
        seed=config["seed"],
        scale=config["scale"],
        settings=overrides,
    shell:
        "onshell generate {wildcards.dataset:q} -o {output.events:q} --scale {params.scale:q} {params.settings:q} > {log:q} 2>&1"


rule generate_final:
    """Exact events for tables to publish: truth that no choice of settings has seen, as many as the usual test."""
    output:
        events=L.final("{dataset}"),
    log:
        L.log("final", "{dataset}"),
    benchmark:
        L.benchmark("final", "{dataset}")
    wildcard_constraints:
        dataset=alternatives(set(DATASETS) - set(IMPORTED)),
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=2000,
        disk_mb=2000,
        runtime=30,
    params:
        dataset=lambda wildcards: leaf(asdict(DATASETS[wildcards.dataset])),
        events=lambda wildcards: DATASETS[wildcards.dataset].n_test,
        seed=config["seed"],
        scale=config["scale"],
        settings=overrides,
    shell:
        "onshell generate {wildcards.dataset:q} --train 0 --test 0 --final {params.events:q} -o {output.events:q}"
        " --scale {params.scale:q} {params.settings:q} > {log:q} 2>&1"


rule import_events:
    """The events of a Les Houches file: the training part and the part that no model sees."""
    input:
        lhe=lambda wildcards: DATASETS[wildcards.dataset].source,
    output:
        events=L.events("{dataset}"),
    log:
        L.log("import", "{dataset}"),
    benchmark:
        L.benchmark("import", "{dataset}")
    wildcard_constraints:
        dataset=alternatives(IMPORTED),
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=2000,
        disk_mb=2000,
        runtime=60,
    params:
        options=lambda wildcards: leaf(
            configuration.import_options(DATASETS[wildcards.dataset])
        ),
        seed=config["seed"],
        scale=config["scale"],
        settings=overrides,
    shell:
        "onshell import {input.lhe:q} --dataset {wildcards.dataset:q} -o {output.events:q} --scale {params.scale:q} {params.settings:q} > {log:q} 2>&1"


SPARE = {
    dataset: names
    for dataset in DATASETS
    if (
        names := [
            augmentation
            for augmentation in config["augmentations"]
            if L.embedded(f"{dataset}.{augmentation}") not in used_training_sets()
        ]
    )
}
SPARED = [f"{dataset}.{name}" for dataset, names in SPARE.items() for name in names]


rule embed:
    """The q-space training set of one dataset under one augmentation."""
    input:
        events=L.events("{dataset}"),
    output:
        training_set=L.embedded("{dataset}.{augmentation}"),
    log:
        L.log("embed", "{dataset}.{augmentation}"),
    benchmark:
        L.benchmark("embed", "{dataset}.{augmentation}")
    wildcard_constraints:
        # Of a spare training set another rule is in charge.
        dataset=f"(?!(?:{alternatives(SPARED)})[.]parquet$)(?:{alternatives(DATASETS)})",
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=2000,
        disk_mb=2000,
        runtime=30,
    params:
        embedding=embedding,
        scale=config["scale"],
        settings=overrides,
    shell:
        "onshell embed {input.events:q} -a {wildcards.augmentation:q} -o {output.training_set:q} --scale {params.scale:q} {params.settings:q} > {log:q} 2>&1"


for dataset, names in SPARE.items():

    rule:
        name:
            f"embed_{dataset}"
        input:
            events=L.events(dataset),
        output:
            [L.embedded(f"{dataset}.{augmentation}") for augmentation in names],
        log:
            L.log("embeddings", dataset),
        benchmark:
            L.benchmark("embeddings", dataset)
        conda:
            CONDA
        threads: 1
        resources:
            mem_mb=2000,
            disk_mb=6000,
            runtime=60,
        params:
            embeddings=leaf(
                {
                    "augmentations": {
                        augmentation: config["augmentations"][augmentation]
                        for augmentation in names
                    },
                    "seed": config["seed"],
                }
            ),
            augmentations=[f"--augmentation={augmentation}" for augmentation in names],
            files=lambda wildcards, output: [f"--output={path}" for path in output],
            scale=config["scale"],
            settings=overrides,
        shell:
            "onshell embed {input.events:q} {params.augmentations:q} {params.files:q} --scale {params.scale:q} {params.settings:q} > {log:q} 2>&1"

    describe(f"embed_{dataset}", f"Training sets of {dataset} that nothing is made of.")
