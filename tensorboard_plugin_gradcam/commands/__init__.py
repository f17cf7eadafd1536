"""One file for each subcommand of `tensorboard-gradcam`: its docstring is its help, and it has no logic of its own.

A module has `configure(parser)`, which adds the arguments, and `run(arguments)`, which calls one public function of the
package, prints what it returns, and returns the exit code. At the top it imports nothing but argparse, so that
`--help` is quick; `cli.COMMANDS` names it.
"""
