"""`python -m cli`: how `waybill up` starts its parts."""

from cli.main import main

main()
