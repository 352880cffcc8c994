import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { newPair, type Pair } from "../metadata";
import { Icon, IconButton } from "./icons";

/** The pairs of a file's metadata as fields. */
export function MetadataTable(props: {
  pairs: readonly Pair[];
  describedBy: string | undefined;
  onChange: (pairs: readonly Pair[]) => void;
}): JSX.Element {
  const { pairs, describedBy, onChange } = props;
  const group = useRef<HTMLDivElement>(null);
  const set = (changed: Pair) => onChange(pairs.map((pair) => (pair.row === changed.row ? changed : pair)));
  const focus = (selector: string) => {
    // After the next rendering.
    requestAnimationFrame(() => group.current?.querySelector<HTMLElement>(selector)?.focus());
  };
  const add = () => {
    const pair = newPair();
    onChange([...pairs, pair]);
    focus(`[data-row="${pair.row}"] input`);
  };
  const remove = (removed: Pair) => {
    onChange(pairs.filter((pair) => pair !== removed));
    focus(".add");
  };
  return (
    <div ref={group} class="metadata" role="group" aria-label="Metadata" aria-describedby={describedBy}>
      {pairs.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">Value</th>
              <th scope="col" class="remove">
                <span class="unseen">Remove</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {pairs.map((pair) => (
              <tr key={pair.row} data-row={pair.row}>
                <td>
                  <Text label="Key" value={pair.key} onInput={(key) => set({ ...pair, key })} />
                </td>
                <td>
                  <Text label={`Value of ${pair.key || "the new key"}`} value={pair.value} onInput={(value) => set({ ...pair, value })} />
                </td>
                <td>
                  <IconButton icon="cancel" label={`Remove ${pair.key || "this pair"}`} onClick={() => remove(pair)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <button type="button" class="add" onClick={add}>
        <Icon name="add" /> Add a pair
      </button>
    </div>
  );
}

function Text(props: { label: string; value: string; onInput: (text: string) => void }): JSX.Element {
  return (
    <input
      aria-label={props.label}
      value={props.value}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => props.onInput(event.currentTarget.value)}
    />
  );
}
