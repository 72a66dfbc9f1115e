"""Generated events, and snapshots of the processes.

Makes: <preset>/samples/<run>.parquet, <preset>/samples/<run>.trajectory.parquet, <preset>/forward/<name>.parquet.
Needs: a trained model; for the forward process only a training set. A run whose resources name shards is drawn by as many
jobs, whose tables are removed when the whole one is put together.
"""


rule shard:
    """The events of one shard of a model's table; `sample` puts all of them together."""
    input:
        model=L.model("{run}"),
    output:
        events=temp(L.shard("{run}", "{number}", "{of}")),
    log:
        L.log("shard", config["preset"], "{run}.{number}of{of}"),
    benchmark:
        L.benchmark("shard", config["preset"], "{run}.{number}of{of}")
    wildcard_constraints:
        number="[1-9][0-9]*",
        of="[1-9][0-9]*",
    priority: 10
    conda:
        CONDA
    threads: 1
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        disk_mb=1000,
        runtime=240,
        device="auto",
    params:
        events=lambda wildcards: configuration.n_samples(
            config, spec(wildcards.run)["dataset"]
        ),
        sampling=lambda wildcards: leaf(spec(wildcards.run)["sampling"]),
        scale=config["scale"],
        settings=overrides,
        preset=config["preset"],
    shell:
        "onshell sample {input.model:q} --run {wildcards.run:q} -n {params.events:q} -o {output.events:q}"
        " --shard {wildcards.number:q}/{wildcards.of:q} --device {resources.device:q}"
        " --scale {params.scale:q} --preset {params.preset:q} {params.settings:q} > {log:q} 2>&1"


rule sample:
    """Events drawn from a trained model; of one in shards, theirs put together."""
    input:
        model=L.model("{run}"),
        shards=lambda wildcards: L.shards(wildcards.run),
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
        gpu=lambda wildcards: None if L.shards(wildcards.run) else 1,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        disk_mb=1000,
        runtime=240,
        device="auto",
    params:
        events=lambda wildcards: configuration.n_samples(
            config, spec(wildcards.run)["dataset"]
        ),
        sampling=lambda wildcards: leaf(spec(wildcards.run)["sampling"]),
        scale=config["scale"],
        settings=overrides,
        preset=config["preset"],
    shell:
        "onshell sample {input.model:q} {input.shards:q} --run {wildcards.run:q} -n {params.events:q} -o {output.events:q}"
        " --device {resources.device:q} --scale {params.scale:q} --preset {params.preset:q} {params.settings:q} > {log:q} 2>&1"


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
        gpu=1,
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        disk_mb=2000,
        runtime=240,
        device="auto",
    params:
        events=SIZES["trajectory_events"],
        sampling=lambda wildcards: leaf(spec(wildcards.run)["sampling"]),
        times=lambda wildcards: ",".join(
            map(str, config["runs"][wildcards.run]["trajectory"])
        ),
        scale=config["scale"],
        settings=overrides,
        preset=config["preset"],
    shell:
        "onshell sample {input.model:q} --run {wildcards.run:q} -n {params.events:q} --snapshots {params.times:q}"
        " -o {output.snapshots:q} --device {resources.device:q} --scale {params.scale:q} --preset {params.preset:q} {params.settings:q} > {log:q} 2>&1"


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
        settings=overrides,
        preset=config["preset"],
    shell:
        "onshell forward {wildcards.forward:q} --data {input.data:q} -n {params.events:q} -o {output.snapshots:q}"
        " --scale {params.scale:q} --preset {params.preset:q} {params.settings:q} > {log:q} 2>&1"
