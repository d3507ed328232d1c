"""The command ``lockgate`` and what every command shares: exit codes and failures."""

from __future__ import annotations

import traceback
from typing import Any

import click

from lockgate import __version__
from lockgate.cli.agent import FAILURE, agent, exit_code, up
from lockgate.cli.cni import cni
from lockgate.cli.connectivity import connectivity
from lockgate.cli.envoy import envoy
from lockgate.cli.ingress import ingress
from lockgate.cli.install import install, uninstall, upgrade
from lockgate.cli.kernel import bpf
from lockgate.cli.listing import endpoint, identity, service
from lockgate.cli.observe import observe
from lockgate.cli.operator import operator
from lockgate.cli.policy import policy
from lockgate.cli.status import status
from lockgate.errors import LockgateError

_EPILOG = """\
Exit codes: 0 yes, 1 no (denied, invalid, unhealthy), 2 wrong usage, 3 a failure of Lockgate.

\b
Completion: eval "$(_LOCKGATE_COMPLETE=bash_source lockgate)", or zsh_source, fish_source.
"""


class Root(click.Group):
    """A group that turns failures of our own into a line of text and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LockgateError as error:
            click.echo(f"lockgate: {error}", err=True)
            ctx.exit(exit_code(error))
        except (click.ClickException, click.exceptions.Exit, click.Abort, OSError, EOFError):
            raise  # click's own ways to end
        except Exception:  # noqa: BLE001  # 1 means no; what we did not foresee is 3
            traceback.print_exc()
            ctx.exit(FAILURE)


@click.group(cls=Root, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lockgate")
def main() -> None:
    """Ingress and L3 to L7 network policy, by eBPF and stock Envoy."""


for _command in (
    up, agent, operator, install, upgrade, uninstall, status, endpoint, identity, service, policy,
    ingress, bpf, envoy, cni, observe, connectivity,
):  # fmt: skip
    main.add_command(_command)
