"""What a command says when it cannot do as asked."""


class CommandError(Exception):
    """A command cannot do what it was asked; the text says what was expected, what was, and what to do."""
