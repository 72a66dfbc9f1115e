"""Generated events, and snapshots of the processes.

Makes: <preset>/samples/<run>.parquet, <preset>/samples/<run>.trajectory.parquet, <preset>/forward/<name>.parquet.
Needs: a trained model; for the forward process only a training set.
"""


rule sample:
    """Events drawn from a trained model."""
    input:
        model=L.model("{run}"),
    output:
        events=L.samples("{run}"),
    log:
        L.log("sample", config["preset"], "{run}"),
    benchmark:
        L.benchmark("sample", config["preset"], "{run}")
    priority: 10
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=3000,
        disk_mb=1000,
        runtime=240,
    params:
        events=lambda wildcards: configuration.n_samples(
            config, spec(wildcards.run)["dataset"]
        ),
        sampling=lambda wildcards: leaf(spec(wildcards.run)["sampling"]),
        scale=config["scale"],
        preset=config["preset"],
    shell:
        "onshell sample {input.model} --run {wildcards.run} -n {params.events} -o {output.events}"
        " --scale {params.scale} --preset {params.preset} > {log} 2>&1"


rule trajectory:
    """Snapshots of a model's reverse process."""
    input:
        model=L.model("{run}"),
    output:
        snapshots=L.trajectory("{run}"),
    log:
        L.log("trajectory", config["preset"], "{run}"),
    benchmark:
        L.benchmark("trajectory", config["preset"], "{run}")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=3000,
        disk_mb=2000,
        runtime=240,
    params:
        events=SIZES["trajectory_events"],
        sampling=lambda wildcards: leaf(spec(wildcards.run)["sampling"]),
        times=lambda wildcards: ",".join(
            map(str, config["runs"][wildcards.run]["trajectory"])
        ),
        scale=config["scale"],
        preset=config["preset"],
    shell:
        "onshell sample {input.model} --run {wildcards.run} -n {params.events} --snapshots {params.times}"
        " -o {output.snapshots} --scale {params.scale} --preset {params.preset} > {log} 2>&1"


rule forward:
    """Snapshots of the forward process of a training set, (10) or (29)."""
    input:
        data=lambda wildcards: L.training_data(forwarded(wildcards.forward)),
    output:
        snapshots=L.forward("{forward}"),
    log:
        L.log("forward", config["preset"], "{forward}"),
    benchmark:
        L.benchmark("forward", config["preset"], "{forward}")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=3000,
        disk_mb=1000,
        runtime=60,
    params:
        times=lambda wildcards: leaf(config["forward"][wildcards.forward]["times"]),
        schedule=lambda wildcards: leaf(forwarded(wildcards.forward)["schedule"]),
        events=SIZES["forward_events"],
        seed=config["seed"],
        scale=config["scale"],
        preset=config["preset"],
    shell:
        "onshell forward {wildcards.forward} --data {input.data} -n {params.events} -o {output.snapshots}"
        " --scale {params.scale} --preset {params.preset} > {log} 2>&1"
