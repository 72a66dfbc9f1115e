"""What `onshell VERB --help` teaches: examples of every verb, and the panels in which `onshell --help` lists them."""

from collections.abc import Mapping

import typer
from rich.markup import escape

Example = tuple[str, str]
"""What it does, in a few words, and the command."""

MUON = "results/quick/paper/runs/muon-q-diffusion/model.pt"
QQG = "results/quick/events/qqg_1e-3.parquet"

EXAMPLES: Mapping[str, Mapping[str, tuple[Example, ...]]] = {
    "Events": {
        "generate": (
            ("Ten thousand events of e+e- -> q qbar g to train on, and as many to judge by:",
             "onshell generate qqg_1e-3 --train 10000 --test 10000 -o qqg.parquet"),
            ("Other numbers, from another seed, on four threads:",
             "onshell generate muon --train 1000000 --seed 7 --threads 4 -o muon.parquet"),
            ("A cutoff that config.yaml does not have:",
             """onshell generate qqg_0.02 --set 'processes.qqg.cutoffs=["1e-2","1e-3","1e-4","0.02"]' -o q.parquet"""),
        ),
        "embed": (
            ("The training set of a model in q-space, every event in two random frames:",
             "onshell embed qqg.parquet -a double -o qqg.double.parquet"),
            ("Several in one process, each to its own file:",
             "onshell embed qqg.parquet -a single -a many -o qqg.single.parquet -o qqg.many.parquet"),
            ("Massless events of your own, in any frame, units and precision:",
             "onshell embed mine.parquet --project -o mine.single.parquet"),
        ),
        "import": (
            ("All final particles of a MadGraph file, as they stand in it:",
             "onshell import my.lhe.gz -o my.parquet"),
            ("Three of them by name, bad events left out and counted:",
             "onshell import my.lhe.gz --particles q,qbar,g --skip-bad -o my.parquet"),
            ("As the workflow does it, with the keys of processes.mine in config.yaml:",
             "onshell import my.lhe.gz --dataset mine -o results/quick/events/mine.parquet"),
        ),
        "export": (
            ("Imported events, back in the lab as they came:",
             "onshell export my.parquet -o again.lhe.gz"),
            ("Generated events, with energy, boost, particles and colours of imported ones:",
             "onshell export samples.parquet --like my.parquet -o new.lhe.gz"),
            ("The same for proton collisions, whose shapes do not depend on their energies:",
             "onshell export samples.parquet --like my.parquet --independent-energy -o new.lhe.gz"),
            ("Without a model to follow: what they are, and at which energy:",
             "onshell export samples.parquet --ids 1,-1,21 --e-cm 91.2 -o new.lhe"),
        ),
        "show": (
            ("What is in a table: truth, training set, samples, snapshots, imports:",
             f"onshell show {QQG}"),
            ("The same, and a picture of it:",
             "onshell show samples.parquet --plot samples.png"),
            ("All numbers, for a script; or where the table comes from:",
             "onshell show samples.parquet --json"),
            ("", "onshell show samples.parquet --metadata"),
        ),
    },
    "Models": {
        "train": (
            ("A run of config.yaml, from the training set where the workflow puts it:",
             "onshell train muon-q-diffusion"),
            ("From a training set of your own, into a folder of your own:",
             "onshell train qqg_1e-3-q-diffusion --data qqg.single.parquet -o model"),
            ("Other settings, for one call; config.yaml lists the keys:",
             "onshell train muon-q-diffusion --preset record --set runs.muon-q-diffusion.training.epochs=50"),
            ("On four GPUs, an hour at a time; call it again to go on:",
             "onshell train aps_30-q-flow --scale paper --processes 4 --stop-after 60"),
        ),
        "sample": (
            ("Events of a model that comes with the package, as a Les Houches file:",
             "onshell sample zoo:muon -n 5000 -o events.lhe.gz"),
            ("Five thousand events of a trained model:",
             f"onshell sample {MUON} -n 5000 -o events.parquet"),
            ("Others, by another seed; on four GPUs, or one, the same bytes:",
             f"onshell sample {MUON} -n 5000 --seed 2 --processes 4 -o more.parquet"),
            ("The way from the prior to the data, as states in q-space:",
             f"onshell sample {MUON} -n 1000 --snapshots 1,0.5,0 -o path.parquet"),
            ("Of a flow, with the log-density of every event:",
             "onshell sample model.pt -n 1000 --with-likelihood -o samples.parquet"),
        ),
        "demo": (
            ("A model that comes with the package beside fresh truth, in numbers and a picture:",
             "onshell demo"),
            ("Another of them:",
             "onshell demo muon -o muon.png"),
        ),
        "forward": (
            ("Data and noise at the two ends of a forward process of config.yaml:",
             "onshell forward aps_30 -n 10000 -o forward.parquet"),
        ),
    },
    "Results": {
        "floor": (
            ("How far truth is from truth, for samples of 20,000 events:",
             "onshell floor qqg.parquet --sample-size 20000 -o floor.json"),
        ),
        "autoencoder": (
            ("A feature space learned from truth alone, for `metrics` and `floor`:",
             "onshell autoencoder qqg.parquet --epochs 5 -o qqg.pt"),
        ),
        "metrics": (
            ("All distances between a model's events and truth that it has not seen:",
             "onshell metrics samples.parquet --truth qqg.parquet -o metrics.json"),
            ("The same beside the statistical floor:",
             "onshell metrics samples.parquet --truth qqg.parquet --floor floor.json -o metrics.json"),
        ),
        "compare": (
            ("Two samples, tables or Les Houches files, and a picture of both with their ratio:",
             "onshell compare samples.parquet my.lhe.gz --plot both.png"),
        ),
        "weights": (
            ("Weight a flow's events to the exact process; how many are they worth?",
             "onshell weights samples.parquet --truth muon.parquet -o weighted.parquet"),
            ("To a matrix element of your own, function(p) of events [n, N, 3] in matrix.py:",
             "onshell weights samples.parquet --target matrix:element -o weighted.parquet"),
        ),
        "runs": (
            ("Which runs are done, and how far are the others?",
             "onshell runs --begun"),
        ),
        "summary": (
            ("The metrics of all runs in one table, into this folder:",
             "onshell summary -o ."),
        ),
        "figure": (
            ("A figure from products that are there; snakemake makes those that are not:",
             "onshell figure fig03"),
            ("Of another preset, elsewhere:",
             "onshell figure fig10 --preset record -o pictures"),
        ),
        "table": (
            ("A table as CSV, TeX and Markdown:",
             "onshell table tab2 -o tables"),
        ),
        "page": (
            ("Everything that has been made at a scale, as one file for a browser:",
             "onshell page --scale desk -o everything.html"),
        ),
    },
    "The workflow": {
        "init": (
            ("A folder with a workflow and a configuration to edit, anywhere:",
             "onshell init my-project"),
        ),
        "doctor": (
            ("Is anything missing on this machine, or on the cluster?",
             "onshell doctor"),
            ("", "onshell doctor --profile profiles/slurm --scale paper"),
        ),
        "plan": (
            ("What would one figure run and cost at the published sizes?",
             "onshell plan fig10 --scale paper"),
            ("Every job on one page, priced by what ran here before:",
             "onshell plan --scale paper --measured --html plan.html"),
        ),
        "version": (
            ("", "onshell version"),
        ),
    },
}  # fmt: skip

START = (
    ("Truth, a look at it, a training set, and what else there is to say of a verb:",
     "onshell generate muon --train 20000 --test 5000 -o muon.parquet"),
    ("", "onshell show muon.parquet --plot muon.png"),
    ("", "onshell embed muon.parquet -o muon.single.parquet"),
    ("", "onshell train --help"),
)  # fmt: skip


def teach(app: typer.Typer) -> None:
    """Give every verb of `app` its examples and its panel, and put the verbs into the order of `EXAMPLES`."""
    places = {verb: (panel, examples) for panel, verbs in EXAMPLES.items() for verb, examples in verbs.items()}
    for command in app.registered_commands:
        panel, examples = places.get(verb_of(command), (None, ()))
        command.rich_help_panel = panel
        command.epilog = text(examples)
    order = list(places)
    app.registered_commands.sort(key=lambda one: order.index(verb_of(one)) if verb_of(one) in places else len(order))
    app.info.epilog = text(START)


def verb_of(command: "typer.models.CommandInfo") -> str:
    """Return the name under which a command is called."""
    return command.name or command.callback.__name__


def text(examples: tuple[Example, ...]) -> str | None:
    """Return examples as rich markup, a paragraph each; None for none."""
    if not examples:
        return None
    paragraphs = ["[bold]Examples[/bold]"]
    for about, command in examples:
        paragraphs += [f"[dim]{escape(about)}[/dim]"] * bool(about) + [f"[cyan]$ {escape(command)}[/cyan]"]
    return "\n\n".join(paragraphs)
