"""Django imports this package when the command runs, which ends the process soon."""

import gc

# What is loaded by now stays: importing the collector must not search it for garbage.
gc.freeze()
