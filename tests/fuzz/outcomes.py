"""Give schemathesis the errors that GraphQL may return: those with a code, and never a defect."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response

# The requests are valid by the schema and have a valid token, and all servers are available.
OUTCOMES = {
    *("file_not_found", "invalid_input", "file_too_large", "object_missing", "wrong_state"),
    *("webhook_not_found", "delivery_not_found", "too_many_webhooks", "webhook_disabled"),
    *("precondition_failed", "operation_not_found", "too_many_operations"),
}


@schemathesis.check
def errors_are_outcomes(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Every answer is 200, and each of its errors has a code of ours."""
    assert response.status_code == 200, response.text
    for error in response.json().get("errors", ()):
        assert error["extensions"]["code"] in OUTCOMES, error
