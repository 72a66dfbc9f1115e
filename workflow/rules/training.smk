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
        history=report(
            history("{run}"),
            caption="../report/history.rst",
            category="Trainings",
            labels={"run": "{run}", "shows": "loss by epoch"},
        ),
        record=report(
            L.record("{run}"),
            caption="../report/record.rst",
            category="Trainings",
            labels={"run": "{run}", "shows": "what was trained, on what, how long"},
        ),
    log:
        L.log("train", config["preset"], "{run}"),
    benchmark:
        L.benchmark("train", config["preset"], "{run}")
    priority: 20
    conda:
        CONDA
    threads: 1
    resources:
        gpu=lambda wildcards: granted(wildcards.run)["gpus"],
        nodes=lambda wildcards: granted(wildcards.run)["nodes"],
        cpus_per_task=lambda wildcards: granted(wildcards.run)["gpus_per_node"],
        tasks=lambda wildcards: across(wildcards.run, granted(wildcards.run)["nodes"]),
        tasks_per_gpu=lambda wildcards: across(wildcards.run, 0),
        mpi=lambda wildcards: across(wildcards.run, "srun"),
        mem_mb=lambda wildcards, attempt: min(attempt, 2)
        * granted(wildcards.run)["mem_mb"],
        disk_mb=1000,
        runtime=lambda wildcards: granted(wildcards.run)["runtime"],
        device="auto",
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
        settings=overrides,
        preset=config["preset"],
    shell:
        # A batch system's TERM and Ctrl-C reach every process of a job; they are for the training alone: it saves and leaves.
        "trap '' INT TERM; onshell train {wildcards.run:q} --data {input.data:q} -o {params.folder:q} --scale {params.scale:q} --preset {params.preset:q} {params.settings:q}"
        " --processes {resources.gpu:q} --nodes {resources.nodes:q} --device {resources.device:q}"
        " ${{SLURM_JOB_ID:+--stop-after {resources.runtime:q}}} 2>&1 | tee -a {log:q}"
