"""What a shell needs in order to complete a command line: a script for bash, which zsh reads too."""

import argparse

SCRIPT = """\
_cyem() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} words=
    case "${{COMP_WORDS[1]}} ${{COMP_WORDS[COMP_CWORD-1]}}" in
{values}
    *) if [[ $COMP_CWORD == 1 ]]; then
        words="{commands}"
    elif [[ $word == -* ]]; then
        case "${{COMP_WORDS[1]}}" in
{options}
        esac
    fi ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _cyem cyem
"""
ZSH = "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"


def script(parser, shell):
    """A script that completes commands, options, and their values where these are few; else names of files."""
    commands = next(action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    values = [_case(f"{command} {option}", action.choices, 4) for command, its in commands.items()
              for action in its._actions if action.choices for option in action.option_strings or [command]]
    options = [_case(command, its._option_string_actions, 8) for command, its in commands.items()]
    own = [option for option in parser._option_string_actions if option.startswith("--")]
    values += [_case(f"{option} {option}", action.choices, 4) for option, action in
               parser._option_string_actions.items() if action.choices]
    made = SCRIPT.format(values="\n".join(values), commands=" ".join([*commands, *own]), options="\n".join(options))
    return (ZSH if shell == "zsh" else "") + made


def _case(pattern, words, indent):
    return f'{" " * indent}"{pattern}") words="{" ".join(word for word in words if word != "-h")}" ;;'
