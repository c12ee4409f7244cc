"""What a shell completes. The only importer of argcomplete, an extra."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from livedump.frontends.parsing import one_of

if TYPE_CHECKING:
    import argparse

    from livedump.frontends.parsing import Parser

SHELLS = ("bash", "zsh", "fish", "powershell")
_USES = {
    "bash": 'eval "$(livedump completion bash)"            # in ~/.bashrc',
    "zsh": 'eval "$(livedump completion zsh)"             # in ~/.zshrc, behind compinit',
    "fish": "livedump completion fish | source              # in ~/.config/fish/config.fish",
    "powershell": "livedump completion powershell | Out-String | Invoke-Expression     # in $PROFILE",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of ``livedump completion``."""
    import argparse

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(("to be completed in every new shell:", *(f"  {use}" for use in _USES.values())))
    parser.add_argument("shell", type=one_of(*SHELLS), metavar="|".join(SHELLS), help="whose script is printed")
    parser.set_defaults(run=print_script)


def print_script(options: argparse.Namespace) -> int:
    """Prints the script by which the shell asks us; the exit status."""
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError:
        sys.stderr.write("livedump completion: it needs argcomplete: pip install '.[completion]'\n")
        return 2
    sys.stdout.write(f"{shellcode(['livedump'], shell=options.shell)}\n")
    return 0


def complete(parser: Parser) -> None:
    """Answers the shell that asks, and ends the program."""
    from argcomplete import autocomplete

    autocomplete(parser)
