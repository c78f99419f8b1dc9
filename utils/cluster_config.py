"""What options of a call mean to a scheduler, in Kaldi's syntax (conf/slurm.conf)."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from jobs import Call, UsageError


@dataclass
class Config:
    """The scheduler's options for each (name, value) of an option; the value "*" matches any."""

    path: Path
    command: str
    meanings: dict[tuple[str, str], str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    def words(self, options: dict[str, str]) -> list[str]:
        """Return the command that submits a job with these options."""
        words = shlex.split(self.command)
        for name, value in (self.defaults | options).items():
            meaning = self.meanings.get((name, value), self.meanings.get((name, "*")))
            if meaning is None:
                raise UsageError(
                    f"{self.path}: no rule for --{name} {value}; add 'option {name}=* ...'"
                )
            words += shlex.split(meaning.replace("$0", value))
        return words


def read_config(call: Call, path: Path, default: str) -> Config:
    """Read the file --config, or the one of this path if it exists, or the default text."""
    config = Config(Path(call.options.get("config", path)), "")
    if "config" in call.options and not config.path.is_file():
        raise UsageError(f"option --config: no file '{config.path}'")
    text = config.path.read_text(encoding="utf-8") if config.path.is_file() else default
    for number, line in enumerate(text.splitlines(), 1):
        kind, _, rest = line.partition("#")[0].strip().partition(" ")
        setting = re.match(r"(\w+)=(\S+)\s*(.*)", rest.strip())
        if kind == "command":
            config.command = rest
        elif kind == "option" and setting:
            config.meanings[setting[1], setting[2]] = setting[3]
        elif kind == "default" and setting:
            config.defaults[setting[1]] = setting[2]
        elif kind:
            raise UsageError(
                f"{config.path}:{number}: expected command, option or default, found '{line}'"
            )
    if not config.command.split():
        raise UsageError(f"{config.path}: no line 'command ...' with the program that submits jobs")
    return config
