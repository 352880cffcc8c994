import type { JSX } from "preact";
import { growthOf, sharesOf } from "../chart";
import { formatSize, plural } from "../format";
import { type Day, type Family, history, usage } from "../usage";

/** The used space: now, over time, and by type. */
export function Storage(): JSX.Element {
  return (
    <aside class="card storage" aria-labelledby="storage">
      <h2 id="storage">Storage</h2>
      {usage.value !== null && <Now />}
      {history.value !== null && history.value.days.length > 0 && (
        <>
          <OverTime days={history.value.days} />
          <ByKind types={history.value.types} />
        </>
      )}
    </aside>
  );
}

function Now(): JSX.Element {
  const { used, reserved, limit, files } = usage.value!;
  return (
    <>
      <p class="total">
        <strong>{formatSize(used)}</strong> {limit === null ? `in ${plural(files, "file")}` : `of ${formatSize(limit)}`}
      </p>
      {limit !== null && <meter max={limit} value={used + reserved} aria-label="Used share of the quota" />}
      <p class="faint">
        {limit !== null && `${plural(files, "file")}. `}
        {reserved > 0 && `${formatSize(reserved)} reserved for uploads in progress.`}
      </p>
    </>
  );
}

function OverTime({ days }: { days: Day[] }): JSX.Element | null {
  const growth = growthOf(days);
  if (growth === null) return null;
  const label = `Stored files by day of completion: from ${growth.first} until today, up to ${formatSize(growth.total)}.`;
  return (
    <figure>
      <figcaption>Over time</figcaption>
      <svg class="growth" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label={label}>
        <polygon points={`${growth.line} 100,100`} />
        <polyline points={growth.line} />
      </svg>
      <p class="axis faint" aria-hidden="true">
        <span>{growth.first}</span>
        <span>Today</span>
      </p>
    </figure>
  );
}

function ByKind({ types }: { types: Family[] }): JSX.Element {
  const shares = sharesOf(types);
  return (
    <figure>
      <figcaption>By type</figcaption>
      <svg class="kinds" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        {shares.map((share, index) => (
          <rect key={share.type} x={share.start} width={share.length} height="4" data-kind={index} />
        ))}
      </svg>
      <ul class="legend">
        {shares.map((share, index) => (
          <li key={share.type}>
            <span class="swatch" data-kind={index} aria-hidden="true" />
            {share.type} <span class="faint">{plural(share.files, "file")}</span>
            <span class="amount">{formatSize(share.size)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}
