import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { chosen, dropped, hasFiles } from "../picking";
import { add } from "../uploads";
import { warn } from "../notices";
import { Icon } from "./icons";

/** Where files come from: dropped anywhere on the page, or chosen. */
export function Adding(): JSX.Element {
  const isOver = useSignal(false);
  useSignalEffect(() => catchDrops((is) => (isOver.value = is)));
  return (
    <section class="adding" data-over={isOver.value} aria-labelledby="adding">
      <Icon name="upload" />
      <div>
        <h2 id="adding">{isOver.value ? "Drop to upload" : "Drop files or folders anywhere"}</h2>
        <p class="faint">They go straight to the store, and are verified there.</p>
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
        onChange={(event) => add(chosen(event.currentTarget))}
      />
    </>
  );
}

/** Takes what is dropped, wherever; elsewhere a browser would leave the page and show the file. */
function catchDrops(tell: (isOver: boolean) => void): () => void {
  const over = (event: DragEvent) => {
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = "copy";
    tell(true);
  };
  // Leaving one element for another is no leaving; the page is left for nothing.
  const leave = (event: DragEvent) => event.relatedTarget === null && tell(false);
  const drop = (event: DragEvent) => {
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    tell(false);
    dropped(event.dataTransfer!).then(add, () => warn("What was dropped cannot be read. Choose it instead."));
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
