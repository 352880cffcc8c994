import type { JSX } from "preact";
import { formatDuration, formatPercent, formatSize, plural } from "../format";
import type { Upload } from "../upload";
import { canClear, canResume, cancelAll, clear, isBusy, overall, pauseAll, resumeAll, uploads } from "../uploads";
import { UploadRow } from "./upload-row";

/** The most rows that are rendered, because a folder may have thousands of files. */
const MAX_ROWS = 100;

/** The order of the rows: first uploads that need the user, then running, waiting and finished ones. */
const STAGE_ORDER = ["failed interrupted", "reading sending paused", "waiting", "verifying done"];

export function Uploads(): JSX.Element {
  const all = STAGE_ORDER.flatMap((stages) => uploads.value.filter((upload) => isIn(upload, stages)));
  const { count } = overall.value;
  return (
    <section class="card uploads" aria-labelledby="uploads">
      <div class="card-head">
        <h2 id="uploads">Uploads</h2>
        {count > 1 && <Overall />}
        <div class="buttons">
          {isBusy.value && <button onClick={pauseAll}>Pause all</button>}
          {canResume.value && <button onClick={resumeAll}>Resume all</button>}
          {count > 0 && <button onClick={cancelAll}>Cancel all</button>}
          {canClear.value && <button onClick={clear}>Clear finished</button>}
        </div>
      </div>
      <ul class="rows">
        {all.slice(0, MAX_ROWS).map((upload) => (
          <UploadRow key={upload.key} upload={upload} />
        ))}
      </ul>
      {all.length > MAX_ROWS && <p class="faint more">And {plural(all.length - MAX_ROWS, "more upload")}.</p>}
    </section>
  );
}

function Overall(): JSX.Element {
  const { count, size, done, speed, left } = overall.value;
  const facts = [`${count.toLocaleString("en")} remaining`, `${formatSize(done)} of ${formatSize(size)}`];
  if (speed > 0) facts.push(`${formatSize(speed)}/s`, `${formatDuration(left)} left`);
  return (
    <>
      <p class="faint facts">{facts.join(" · ")}</p>
      <progress max={size || 1} value={done} aria-label="All uploads">
        {formatPercent(done, size)}
      </progress>
    </>
  );
}

const isIn = (upload: Upload, stages: string) => stages.split(" ").includes(upload.stage.value);
