"""Models.

Makes: <preset>/runs/<run>/{model.pt,history.csv,run.json}. Needs: the training set of the run.
The state that a killed training resumes from lies in the same folder and is not declared: Snakemake would delete it.
"""


rule train:
    """One trained model, its loss by epoch, and what it was trained with, on and for how long."""
    input:
        data=lambda wildcards: training_set(wildcards.run),
    output:
        model=L.model("{run}"),
        history=L.model("{run}").replace("model.pt", "history.csv"),
        record=L.record("{run}"),
    log:
        L.log("train", config["preset"], "{run}"),
    benchmark:
        L.benchmark("train", config["preset"], "{run}")
    priority: 20
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=4000,
        disk_mb=1000,
        runtime=720,
    params:
        folder=lambda wildcards, output: str(Path(output.model).parent),
        spec=lambda wildcards: leaf(
            {
                key: value
                for key, value in spec(wildcards.run).items()
                if key != "sampling"
            }
        ),
        scale=config["scale"],
        preset=config["preset"],
    shell:
        "onshell train {wildcards.run} --data {input.data} -o {params.folder} --scale {params.scale} --preset {params.preset} 2>&1 | tee -a {log}"
