"""Studies: comparisons and ablations beside the paper, a target each. `all` builds none of them.

Makes: studies/<study>/{runs,samples,metrics,figures,tables}/, floors/<dataset>.<events>.json, from the entries under
`studies` in config.yaml. Needs: truth and training sets. A model is trained and sampled as those of the paper are.
"""

S = Layout(config, study="{study}")
STUDIES = alternatives(studies(config))
STUDIED = alternatives(
    [run for study in studies(config).values() for run in study["runs"]]
)
TRAINED = alternatives(trainings(config))
# What the models of studies are does not depend on the preset that is chosen: no training may be planned again for it.
ANCHOR = anchor(config)


for study, about in studies(config).items():

    rule:
        name:
            study
        input:
            [
                path
                for group in ("figures", "tables")
                for name in about.get(group, {})
                for path in L.product(group, name).values()
            ],
            list(map(L.metrics, about["runs"])),
        localrule: True


use rule train as study_train with:
    input:
        data=belongs(training_set),
    output:
        model=S.model("{run}"),
        history=str(Path(S.record("{run}")).with_name("history.csv")),
        record=S.record("{run}"),
    log:
        L.log("train", "studies", "{study}", "{run}"),
    benchmark:
        L.benchmark("train", "studies", "{study}", "{run}")
    wildcard_constraints:
        study=STUDIES,
        run=TRAINED,
    params:
        preset=ANCHOR,


use rule shard as study_shard with:
    input:
        model=belongs(L.model),
    output:
        events=temp(S.shard("{run}", "{number}", "{of}")),
    log:
        L.log("shard", "studies", "{study}", "{run}.{number}of{of}"),
    benchmark:
        L.benchmark("shard", "studies", "{study}", "{run}.{number}of{of}")
    wildcard_constraints:
        number="[1-9][0-9]*",
        of="[1-9][0-9]*",
        study=STUDIES,
        run=STUDIED,
    params:
        events=lambda wildcards: configuration.n_events(config, wildcards.run),
        preset=ANCHOR,


use rule sample as study_sample with:
    input:
        model=belongs(L.model),
        shards=lambda wildcards: L.shards(wildcards.run),
    output:
        events=S.samples("{run}"),
    log:
        L.log("sample", "studies", "{study}", "{run}"),
    benchmark:
        L.benchmark("sample", "studies", "{study}", "{run}")
    wildcard_constraints:
        study=STUDIES,
        run=STUDIED,
    params:
        events=lambda wildcards: configuration.n_events(config, wildcards.run),
        preset=ANCHOR,


rule study_floor:
    """The statistical floor of a dataset at the size of a study's samples, of all that studies compare."""
    input:
        truth=L.events("{dataset}"),
    output:
        floor=L.floor("{dataset}", "{size}"),
    log:
        L.log("floor", "{dataset}.{size}"),
    benchmark:
        L.benchmark("floor", "{dataset}.{size}")
    wildcard_constraints:
        size="[1-9][0-9]*",
    localrule: True
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=6000,
        disk_mb=100,
        runtime=120,
    params:
        replicates=SIZES["floor_replicates"],
        classified=SIZES.get("classifier_replicates", 10),
        judge=lambda wildcards: pool_part(wildcards.dataset),
        seed=config["seed"],
    shell:
        "onshell floor {input.truth:q} --sample-size {wildcards.size:q} --extended --replicates {params.replicates:q}"
        " --classifier-replicates {params.classified:q} --judge {params.judge:q} --seed {params.seed:q} -o {output.floor:q}"
        " > {log:q} 2>&1"


rule study_compare:
    """Everything that studies compare of a model's events and truth, beside its floor."""
    input:
        samples=belongs(L.samples),
        truth=lambda wildcards: L.judged(spec(wildcards.run)["dataset"]),
        floor=lambda wildcards: L.floor(
            spec(wildcards.run)["dataset"],
            configuration.n_events(config, wildcards.run),
        ),
    output:
        metrics=S.metrics("{run}"),
    log:
        L.log("metrics", "studies", "{study}", "{run}"),
    benchmark:
        L.benchmark("metrics", "studies", "{study}", "{run}")
    wildcard_constraints:
        study=STUDIES,
        run=STUDIED,
    localrule: True
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=6000,
        disk_mb=100,
        runtime=60,
    params:
        judge=JUDGE,
        seed=config["seed"],
    shell:
        "onshell metrics {input.samples:q} --truth {input.truth:q} --floor {input.floor:q} --run {wildcards.run:q} --extended"
        " --judge {params.judge:q} --seed {params.seed:q} -o {output.metrics:q} > {log:q} 2>&1"


DRAWN = [
    (study, verb, f"{verb}s", name)
    for study, about in studies(config).items()
    for verb in ("figure", "table")
    for name in about.get(f"{verb}s", {})
]

for study, verb, group, name in DRAWN:

    rule:
        name:
            name
        input:
            products=inputs(group, name),
        output:
            **outputs(group, name),
        log:
            L.log(group, "studies", study, name),
        benchmark:
            L.benchmark(group, "studies", study, name)
        localrule: True
        conda:
            CONDA
        threads: 1
        resources:
            mem_mb=6000,
            disk_mb=100,
            runtime=20,
        params:
            verb=verb,
            name=name,
            entry=leaf(entry_of(config, group, name)),
            code=drawing(group, name),
            folder=lambda wildcards, output: str(Path(output[0]).parent),
            scale=config["scale"],
            settings=overrides,
        shell:
            "onshell {params.verb:q} {params.name:q} -o {params.folder:q} --scale {params.scale:q} {params.settings:q} > {log:q} 2>&1"

    describe(name, title_line(group, name))
