"""Headers of all responses."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def content_security_policy(*sources: str, talks_to: Sequence[str] = ()) -> str:
    """Return the policy of a page: it may load our files and those of ``sources``, and connect to us only.

    A page that sends files also ``talks_to`` the object store, and downloads from it in frames. Inline styles
    are allowed, because GraphiQL, Swagger UI and the job dashboard use them. Inline scripts are not.
    """
    files = " ".join(["'self'", *sources])
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {files}",
            f"style-src {files} 'unsafe-inline'",
            f"font-src {files} data:",
            "img-src 'self' data:",
            " ".join(["connect-src 'self'", *talks_to]),
            " ".join(["frame-src", *(talks_to or ["'none'"])]),
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


DEFAULT_HEADERS = {
    # Responses contain presigned URLs, which are credentials until they expire.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": content_security_policy(),
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


_RAW = [(name.lower().encode(), value.encode()) for name, value in DEFAULT_HEADERS.items()]


class DefaultHeaders:
    """Adds the default headers that a response does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                names_set = {name.lower() for name, _ in own}
                message["headers"] = own + [header for header in _RAW if header[0] not in names_set]
            await send(message)

        await self.app(scope, receive, send_with_headers)
