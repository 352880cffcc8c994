"""`waybill doctor --deep`: check that every file has its object, and every object its file."""

import json
from dataclasses import asdict

from waybill.files.compare import Comparison, UnsortedListError
from waybill.platform.s3.storage import Storage


async def compare_all(storage: Storage) -> bool:
    """Print one line for each mismatch, and a summary; return whether there are no mismatches.

    Raises:
        ServiceUnavailable: MongoDB or the store does not answer. The lines printed before stay valid.
    """
    comparison = Comparison(storage)
    mismatches = 0
    try:
        async for mismatch in comparison.mismatches():
            mismatches += 1
            facts = {name: value for name, value in asdict(mismatch).items() if value is not None}
            difference = facts.pop("difference")
            print(f"FAIL  {difference}: {json.dumps(facts)}", flush=True)
    except UnsortedListError:
        print(
            "FAIL  records and bucket could not be compared: the store does not list keys in order, which "
            "S3 requires. Use another store.",
            flush=True,
        )
        return False
    mark = "FAIL" if mismatches else "ok  "
    counted = f"{comparison.files} files against {comparison.objects} objects"
    print(f"{mark}  records and bucket agree: {counted}, {mismatches} mismatches", flush=True)
    return not mismatches
