"""Every figure and table of arXiv:2604.02415, built from nothing. `snakemake --list-rules` names the targets."""

from snakemake.utils import min_version

min_version("9.20")


include: "workflow/rules/common.smk"


localrules:
    all,


rule all:
    """Everything: truth, training sets, models, samples, metrics, figures and tables, and the page that shows them."""
    input:
        everything(),


include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/sampling.smk"
include: "workflow/rules/exports.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/pages.smk"
include: "workflow/rules/studies.smk"


report: "workflow/report/workflow.rst"
