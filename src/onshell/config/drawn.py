"""What the drawing code can draw and what each figure and table needs, known without importing it."""

DRAWN: dict[str, dict[str, tuple[str, ...] | None]] = {
    "figures": {
        **dict.fromkeys(("fig01", "fig02", "fig03", "fig04", "fig05"), ("M1",)),
        **dict.fromkeys(("fig06", "fig11", "fig16", "fig19", "fig22"), ()),
        **dict.fromkeys(("fig07", "fig09"), ("Q3",)),
        **dict.fromkeys(("fig08", "fig10", "fig12", "fig13", "fig14", "fig15"), None),
        **dict.fromkeys(("fig17", "fig18"), ("M1", "M3")),
        "fig20": ("Q3", "S1"),
        "fig21": ("S2",),
        "process": None,
        **dict.fromkeys(("budgets", "evaluations", "tails", "spectra", "changes"), None),
    },
    "tables": {"tab1": None, "tab2": None, "tab3": None, "comparison": None, "ablation": None},
}
"""What onshell.figures can draw, with the roles that each needs; None: any roles, one at least.

A figure is drawn by the code of its own name, or of the one that its key `draw` gives.
"""

DRAWN_FROM: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("budgets", "evaluations", "changes", "comparison", "ablation"), ("metrics", "records")),
}
"""What the drawing code needs of the runs, where it is not their samples and the entry says nothing."""
