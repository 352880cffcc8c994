import type { JSX, TargetedEvent } from "preact";
import { useRef } from "preact/hooks";
import { failureOf } from "../file";
import { formatDuration, formatPercent, formatSize } from "../format";
import { warn } from "../notices";
import { filesOfInput } from "../file-picker";
import type { Upload } from "../upload";
import { add, cancel, resumeFromHandle, overall } from "../uploads";
import { Chip } from "./chip";
import { IconButton } from "./icons";

export function UploadRow({ upload }: { upload: Upload }): JSX.Element {
  const { name, folder, size } = upload;
  const stage = upload.stage.value;
  const isUnderway = !upload.isFinished && stage !== "failed";
  return (
    <li class="upload" data-stage={stage}>
      <p class="name" title={name}>
        {name}
      </p>
      <p class={stage === "failed" ? "facts alarm" : "facts faint"}>
        {folder !== "" && `${folder} · `}
        {factsOf(upload)}
      </p>
      {isUnderway && (
        <progress max={size || 1} value={upload.done.value} aria-label={`${stage === "reading" ? "Reading" : "Upload of"} ${name}`}>
          {formatPercent(upload.done.value, size)}
        </progress>
      )}
      {upload.isFinished && <Chip status={upload.stored.value!.status} />}
      <div class="buttons">
        {stage === "interrupted" && <ResumeButton upload={upload} />}
        {(stage === "waiting" || upload.isActive) && (
          <IconButton icon="pause" label={`Pause ${name}`} onClick={() => upload.pause()} />
        )}
        {stage === "paused" && <IconButton icon="resume" label={`Resume ${name}`} onClick={() => upload.resume()} />}
        {stage === "failed" && upload.hasFile && (
          <IconButton icon="retry" label={`Try ${name} again`} onClick={() => upload.resume()} />
        )}
        <IconButton
          icon="cancel"
          label={upload.isFinished ? `Remove ${name} from this list` : `Cancel ${name}`}
          onClick={() => cancel(upload)}
        />
      </div>
    </li>
  );
}

function factsOf(upload: Upload): string {
  const { size } = upload;
  const done = upload.done.value;
  const share = `${formatSize(done)} of ${formatSize(size)}`;
  switch (upload.stage.value) {
    case "waiting":
      return `${formatSize(size)} · Waiting`;
    case "reading":
      return `${formatSize(size)} · Computing the SHA-256, ${formatPercent(done, size)}`;
    case "sending": {
      const speed = upload.speed.value;
      if (done === size) return `${formatSize(size)} · All sent, completing`;
      if (upload.isStalled.value && overall.value.speed === 0) {
        return `${share} · The store cannot be reached. Retrying`;
      }
      const pace = speed > 0 ? ` · ${formatSize(speed)}/s · ${formatDuration((size - done) / speed)} left` : "";
      return `${share}${pace}`;
    }
    case "paused":
      return `${share} · Paused`;
    case "interrupted":
      return `${share} · Interrupted. ${upload.handle ? "Resume it" : "Choose the same file"} to continue.`;
    case "verifying":
      return `${formatSize(size)} · Verifying`;
    case "failed":
      return upload.failure.value;
    case "done":
      return `${formatSize(size)}${outcomeOf(upload)}`;
  }
}

function outcomeOf(upload: Upload): string {
  const file = upload.stored.value!;
  if (upload.wasStored.value) return " · The content is already stored, nothing was sent";
  if (file.deletedAt !== null) return " · Deleted";
  if (file.status === "FAILED") return ` · ${failureOf(file)}`;
  return file.status === "DUPLICATE" ? " · Another file has the same content" : "";
}

/** Resumes an interrupted upload from its file handle, or asks the user for the file. */
function ResumeButton({ upload }: { upload: Upload }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const verb = upload.handle ? "Resume" : "Choose";
  const proceed = async () => {
    if (!(await resumeFromHandle(upload))) input.current!.click();
  };
  const take = (event: TargetedEvent<HTMLInputElement>) => {
    const [picked] = filesOfInput(event.currentTarget);
    if (picked && upload.matches(picked)) add([picked]);
    else if (picked) warn(`This is not the same ${upload.name}, or it has changed. Choose the same file, or cancel the upload.`);
  };
  return (
    <>
      <button type="button" onClick={() => void proceed()} aria-label={`${verb} ${upload.name} to continue`}>
        {verb}
      </button>
      <input ref={input} type="file" hidden onChange={take} />
    </>
  );
}
