import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { filesOfDrop, filesOfInput, hasFiles } from "../file-picker";
import { warn } from "../notices";
import { query } from "../query";
import { add } from "../uploads";
import { Icon } from "./icons";

/** Adds files that are dropped anywhere on the page, or chosen. */
export function DropZone(): JSX.Element {
  const isDragOver = useSignal(false);
  useSignalEffect(() => catchDrops((is) => (isDragOver.value = is)));
  const { folder } = query.value;
  return (
    <section class="drop-zone" data-over={isDragOver.value} aria-labelledby="drop-zone">
      <Icon name="upload" />
      <div>
        <h2 id="drop-zone">{isDragOver.value ? "Drop to upload" : "Drop files or folders anywhere"}</h2>
        <p class="faint">
          {folder === "" ? "They are sent directly to the object store, and then verified." : `They go into ${folder}`}
        </p>
      </div>
      <div class="buttons">
        <Picker label="Choose files" isPrimary />
        <Picker label="Choose a folder" isFolder />
      </div>
    </section>
  );
}

function Picker(props: { label: string; isPrimary?: boolean; isFolder?: boolean }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class={props.isPrimary ? "primary" : ""} onClick={() => input.current!.click()}>
        {props.label}
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        {...(props.isFolder && { webkitdirectory: true })}
        onChange={(event) => add(filesOfInput(event.currentTarget))}
      />
    </>
  );
}

/** Handles drops on the whole page. Otherwise the browser would leave the page and open the file. */
function catchDrops(setDragOver: (isDragOver: boolean) => void): () => void {
  const over = (event: DragEvent) => {
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = "copy";
    setDragOver(true);
  };
  // Only a drag that leaves the page has no related target.
  const leave = (event: DragEvent) => event.relatedTarget === null && setDragOver(false);
  const drop = (event: DragEvent) => {
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    setDragOver(false);
    filesOfDrop(event.dataTransfer!).then(add, () => warn("The dropped files cannot be read. Choose them with the button instead."));
  };
  addEventListener("dragover", over);
  addEventListener("dragleave", leave);
  addEventListener("drop", drop);
  return () => {
    removeEventListener("dragover", over);
    removeEventListener("dragleave", leave);
    removeEventListener("drop", drop);
  };
}
