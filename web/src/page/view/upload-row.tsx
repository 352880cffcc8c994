import type { JSX, TargetedEvent } from "preact";
import { useRef } from "preact/hooks";
import { failureOf } from "../file";
import { formatDuration, formatPercent, formatSize } from "../format";
import { warn } from "../notices";
import { chosen } from "../picking";
import type { Upload } from "../upload";
import { add, cancel, goOn, overall } from "../uploads";
import { Chip } from "./chip";
import { IconButton } from "./icons";

export function UploadRow({ upload }: { upload: Upload }): JSX.Element {
  const { name, size } = upload;
  const stage = upload.stage.value;
  const isUnderway = !upload.isOver && stage !== "failed";
  return (
    <li class="upload" data-stage={stage}>
      <p class="name" title={name}>
        {name}
      </p>
      <p class={stage === "failed" ? "facts alarm" : "facts faint"}>{factsOf(upload)}</p>
      {isUnderway && (
        <progress max={size || 1} value={upload.done.value} aria-label={`${stage === "reading" ? "Reading" : "Upload of"} ${name}`}>
          {formatPercent(upload.done.value, size)}
        </progress>
      )}
      {upload.isOver && <Chip status={upload.stored.value!.status} />}
      <div class="buttons">
        {stage === "interrupted" && <GoOn upload={upload} />}
        {(stage === "waiting" || upload.isActive) && (
          <IconButton icon="pause" label={`Pause ${name}`} onClick={() => upload.pause()} />
        )}
        {stage === "paused" && <IconButton icon="resume" label={`Resume ${name}`} onClick={() => upload.resume()} />}
        {stage === "failed" && upload.hasFile && (
          <IconButton icon="retry" label={`Try ${name} again`} onClick={() => upload.resume()} />
        )}
        <IconButton
          icon="cancel"
          label={upload.isOver ? `Take ${name} off this list` : `Cancel ${name}`}
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
      if (done === size) return `${formatSize(size)} · All sent, being put together`;
      if (upload.isStalled.value && overall.value.speed === 0) {
        return `${share} · Nothing gets through to the store. It is tried again`;
      }
      const pace = speed > 0 ? ` · ${formatSize(speed)}/s · ${formatDuration((size - done) / speed)} left` : "";
      return `${share}${pace}`;
    }
    case "paused":
      return `${share} · Paused`;
    case "interrupted":
      return `${share} · Interrupted. ${upload.handle ? "Resume it" : "Choose the same file"} to go on.`;
    case "verifying":
      return `${formatSize(size)} · Being verified`;
    case "failed":
      return upload.failure.value;
    case "done":
      return `${formatSize(size)}${outcomeOf(upload)}`;
  }
}

function outcomeOf(upload: Upload): string {
  const file = upload.stored.value!;
  if (upload.wasThere.value) return ` · The content was stored before, nothing was sent`;
  if (file.deletedAt !== null) return " · Deleted meanwhile";
  if (file.status === "FAILED") return ` · ${failureOf(file)}`;
  return file.status === "DUPLICATE" ? " · Another file has the same content" : "";
}

/** Goes on with what a reload interrupted: by itself where the browser holds the file, else it is asked for. */
function GoOn({ upload }: { upload: Upload }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const verb = upload.handle ? "Resume" : "Choose";
  const proceed = async () => {
    if (!(await goOn(upload))) input.current!.click();
  };
  const take = (event: TargetedEvent<HTMLInputElement>) => {
    const [picked] = chosen(event.currentTarget);
    if (picked && upload.matches(picked.file)) add([picked]);
    else if (picked) warn(`That is not the same ${upload.name}, or it was changed since. Choose the same file, or cancel.`);
  };
  return (
    <>
      <button type="button" onClick={() => void proceed()} aria-label={`${verb} ${upload.name} to go on`}>
        {verb}
      </button>
      <input ref={input} type="file" hidden onChange={take} />
    </>
  );
}
