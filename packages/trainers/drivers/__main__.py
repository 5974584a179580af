"""Starts a driver: `python <this folder> <trainer> --home <checkout> --config <driver.json>`, in the job's workspace.
Exit codes: 0 trained or stopped as told, 1 failed, 2 wrong usage."""

import sys

from influencerai_drivers.cli import main

sys.exit(main(sys.argv[1:]))
