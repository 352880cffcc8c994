"""`waybill init`: create what Waybill needs on its servers, and print the rights that its keys need."""

import json

from cli.quiet import silence_logs
from cli.serve import initialise
from waybill.platform.s3.policies import main_policy, upload_policy
from waybill.platform.settings import load_settings


async def run_init(*, drop_old_indexes: bool) -> None:
    """Create indexes, bucket and rules. Print what the store did not do, and the policies of both keys.

    Raises:
        SettingsError, InitError, ServiceUnavailable: see ``initialise``.
    """
    silence_logs()
    settings = load_settings()
    notes = await initialise(settings, drop_old_indexes=drop_old_indexes)
    print(f"The database {settings.mongodb_database} and the bucket {settings.s3_bucket} are ready.")
    for note in notes:
        print(f"note  {note}")
    policies = {
        "WAYBILL_S3_ACCESS_KEY, the key of API and workers": main_policy(settings.s3_bucket),
        "WAYBILL_S3_UPLOAD_ACCESS_KEY, the key that signs uploads": upload_policy(settings.s3_bucket),
    }
    for key, policy in policies.items():
        print(f"\nThe policy of {key}:\n{json.dumps(policy, indent=2)}")
