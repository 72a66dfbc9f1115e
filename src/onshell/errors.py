"""The one exception that means: the user can mend this."""


class OnshellError(Exception):
    """A fault in the input, told in one line that names the file or key and says what to do."""
