"""What is logged of a job that fails."""

from tests.jobs import fail_job
from tests.service import Service
from tests.watched import lines


async def test_a_job_that_failed_for_good_says_so(jobs: Service) -> None:
    await fail_job(jobs)
    (line,) = await lines(jobs.worker, event="job not done")
    assert (line["actor"], line["outcome"], line["level"]) == ("verify_upload", "dead", "warning")
    # Dramatiq's own line, which has the traceback.
    assert [each for each in await lines(jobs.worker, message_id=line["message_id"]) if "exception" in each]
