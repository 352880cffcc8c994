import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../api";

/** A field for the path of a folder, which suggests existing folders. */
export function FolderField(props: {
  id: string;
  value: string;
  describedBy: string | undefined;
  onInput: (typed: string) => void;
}): JSX.Element {
  const { id, value, describedBy, onInput } = props;
  const [suggestions, suggest] = useState<readonly string[]>([]);
  const parent = value.slice(0, value.lastIndexOf("/") + 1).replace(/^\/+/, "");
  useEffect(() => {
    const control = new AbortController();
    // Without suggestions the path can still be typed.
    void foldersIn(parent, control.signal).then(suggest, () => null);
    return () => control.abort();
  }, [parent]);
  return (
    <>
      <input
        id={id}
        list={`${id}-list`}
        value={value}
        placeholder="photos/2026/"
        autocomplete="off"
        spellcheck={false}
        aria-describedby={describedBy}
        aria-invalid={describedBy !== undefined}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <datalist id={`${id}-list`}>
        {suggestions.map((folder) => (
          <option key={folder} value={folder} />
        ))}
      </datalist>
    </>
  );
}

async function foldersIn(folder: string, signal: AbortSignal): Promise<string[]> {
  const parameters = new URLSearchParams({ folder, limit: "100" });
  const { items } = await call<{ items: { folder: string }[] }>("GET", `/folders?${parameters}`, { signal });
  return items.map((item) => item.folder);
}
