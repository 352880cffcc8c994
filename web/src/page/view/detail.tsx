import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { fetchContent, remove, restore, showOriginal } from "../actions";
import { inDetail } from "../detail";
import { failureOf, isDownloadable, type StoredFile } from "../file";
import { keepingFocus } from "../focus";
import { formatSize, formatTime } from "../format";
import { shownFolder } from "../path";
import { Chip } from "./chip";
import { Dialog } from "./dialog";
import { EditForm } from "./edit-form";
import { IconButton } from "./icons";

export function Detail(): JSX.Element | null {
  const file = inDetail.value;
  if (file === null) return null;
  const close = () => {
    inDetail.value = null;
  };
  const closing = (work: (file: StoredFile) => Promise<void>) => {
    close();
    void keepingFocus(() => work(file));
  };
  return (
    <Dialog label="detail" class="detail" onClose={close}>
      <div class="dialog-head">
        <h2 id="detail">{file.name}</h2>
        <IconButton icon="cancel" label="Close" onClick={close} />
      </div>
      <Facts file={file} />
      {file.deletedAt === null && <EditForm key={file.id} file={file} />}
      <div class="buttons">
        {isDownloadable(file) && (
          <button type="button" class="primary" onClick={() => void fetchContent(file)}>
            Download
          </button>
        )}
        {file.deletedAt === null && <button onClick={() => closing(remove)}>Delete</button>}
        {file.deletedAt !== null && file.purgedAt === null && <button onClick={() => closing(restore)}>Restore</button>}
      </div>
    </Dialog>
  );
}

function Facts({ file }: { file: StoredFile }): JSX.Element {
  return (
    <dl>
      <Fact title="Status">
        <Chip status={file.status} />
        {file.status === "FAILED" && <p class="alarm">{failureOf(file)}</p>}
        {file.status === "EXPIRED" && <p>The upload was not completed in time. Upload the file again.</p>}
        {file.duplicateOf !== null && (
          <p>
            Another file has the same content.{" "}
            <button type="button" class="link" onClick={() => void showOriginal(file)}>
              Show that file
            </button>
          </p>
        )}
      </Fact>
      <Fact title="Size">{`${formatSize(file.size)} (${file.size.toLocaleString("en")} bytes)`}</Fact>
      {file.deletedAt !== null && <AsItWas file={file} />}
      <Fact title="SHA-256">{file.sha256 === null ? "Unknown until it is verified" : <Digest hex={file.sha256} />}</Fact>
      <Moment title="Added" time={file.createdAt} />
      <Moment title="Verified" time={file.completedAt} />
      <Moment title="Deleted" time={file.deletedAt} />
      {file.deletedAt !== null && <Moment title="Purged" time={file.purgedAt} />}
      <Fact title="Id">
        <code>{file.id}</code>
      </Fact>
    </dl>
  );
}

/** What can no longer be changed, because the file is deleted. */
function AsItWas({ file }: { file: StoredFile }): JSX.Element {
  return (
    <>
      <Fact title="Type">{file.contentType}</Fact>
      <Fact title="Folder">{shownFolder(file.folder)}</Fact>
      {Object.entries(file.metadata).map(([key, value]) => (
        <Fact key={key} title={key}>
          {value}
        </Fact>
      ))}
    </>
  );
}

function Fact({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  return (
    <>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Moment({ title, time }: { title: string; time: string | null }): JSX.Element | null {
  return time === null ? null : (
    <Fact title={title}>
      <time dateTime={time}>{formatTime(time)}</time>
    </Fact>
  );
}

function Digest({ hex }: { hex: string }): JSX.Element {
  const isCopied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(hex);
    isCopied.value = true;
  };
  return (
    <>
      <code>{hex}</code>
      {/* Browsers have a clipboard only on secure origins. */}
      {navigator.clipboard && <IconButton icon="copy" label="Copy the SHA-256" onClick={() => void copy()} />}
      <span role="status">{isCopied.value && "Copied"}</span>
    </>
  );
}
