"""The checks of `waybill doctor` on multipart uploads: create, send, list, complete and abort."""

from dataclasses import replace

from cli.check_results import CheckFailed
from cli.doctor_store import copy_advice
from cli.scratch import CONTENT, SHA256, Scratch
from waybill.platform.presign import PresignedRequest, to_base64
from waybill.platform.s3.multiparts import UploadGoneError


class MultipartChecks:
    """The checks of uploads in parts. Each begins an upload of its own, with one part."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._storage = scratch.resources.storage
        self._multiparts = scratch.resources.storage.multiparts
        self._bucket = scratch.resources.settings.s3_bucket

    async def assembles(self) -> None:
        """Check that a part can be sent with a presigned URL, listed, and assembled into an object."""
        key, upload_id = await self._begin()
        answer = await self._scratch.put(self._part(key, upload_id))
        if answer.status != 200:
            raise CheckFailed(f"it answered {answer.status} to a valid part: {answer.body[:200]}")
        parts = await self._multiparts.parts(key, upload_id)
        if [(part.number, part.size) for part in parts] != [(1, len(CONTENT))]:
            raise CheckFailed(
                f"it lists {len(parts)} parts after one was sent, so uploads in parts cannot be completed. "
                "Use another store."
            )
        # Not every store lists the checksum, and S3 requires it.
        checked = [replace(part, sha256=to_base64(SHA256)) for part in parts]
        await self._multiparts.assemble(key, upload_id, checked)
        head = await self._storage.head(key)
        if head is None or head.size != len(CONTENT):
            raise CheckFailed("it assembled no object of the right size. Use another store.")

    async def refuses_length(self) -> None:
        """Check that a client cannot store more bytes than the signed Content-Length of a part."""
        key, upload_id = await self._begin(with_sha256=False)
        part = self._part(key, upload_id, sha256=None)
        answer = await self._scratch.put(part, CONTENT + b"!")
        await self._scratch.expect_refusal(answer, "a part longer than the signed Content-Length")

    async def refuses_checksum(self) -> None:
        """Check that a client cannot store another part than the signed SHA-256 allows."""
        key, upload_id = await self._begin()
        answer = await self._scratch.put(self._part(key, upload_id), CONTENT[::-1])
        await self._scratch.expect_refusal(answer, "a part whose SHA-256 is not the signed one")

    async def refuses_copy(self) -> None:
        """Check that an unsigned header does not turn a part into a copy of another object."""
        source = self._scratch.new_key()
        await self._scratch.put(self._scratch.upload(source))
        # Without a checksum, as the page sends parts: with one, MinIO refuses the copy, which has none.
        key, upload_id = await self._begin(with_sha256=False)
        copied = {"x-amz-copy-source": f"/{self._bucket}/{source}"}
        answer = await self._scratch.put(self._part(key, upload_id, sha256=None), more=copied)
        if "CopyPartResult" in answer.body:
            raise CheckFailed(
                "it copied an object into a part for an unsigned x-amz-copy-source, so every client that may "
                f"upload can read all objects. {copy_advice(self._scratch.resources.settings)}"
            )

    async def aborts(self) -> None:
        """Check that the open uploads of a key can be listed and aborted, as a purge does."""
        key, upload_id = await self._begin()
        await self._scratch.put(self._part(key, upload_id))
        await self._multiparts.abort_all(key)
        try:
            await self._multiparts.parts(key, upload_id)
        except UploadGoneError:
            return
        raise CheckFailed(
            "an upload is still there after all uploads of its key were listed and aborted, so parts of "
            "abandoned uploads stay for ever. Use another store."
        )

    async def _begin(self, *, with_sha256: bool = True) -> tuple[str, str]:
        self._scratch.require_uploads()
        key = self._scratch.new_key()
        return key, await self._multiparts.begin(key, "text/plain", with_sha256=with_sha256)

    def _part(self, key: str, upload_id: str, sha256: str | None = SHA256) -> PresignedRequest:
        return self._scratch.resources.presigner.part(
            key, upload_id, 1, size=len(CONTENT), sha256=sha256, ttl=60
        )
