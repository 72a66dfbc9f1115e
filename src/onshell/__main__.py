"""`python -m onshell` is `onshell`: torchrun starts modules, not commands."""

from onshell.cli import main

main()
