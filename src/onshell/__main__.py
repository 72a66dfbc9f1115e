"""`python -m onshell` is `onshell`: torchrun starts it so, isolated from the current folder."""

from onshell.cli import main

if __name__ == "__main__":
    main()
