"""`python -m cli`: `waybill up` starts its processes this way."""

from cli.main import main

main()
