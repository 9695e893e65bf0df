"""`python -m hub.cli` is `medcredit`."""

from hub.cli import main

main()
