import { useSignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent, TargetedSubmitEvent } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { messageOf } from "../problem";
import { IconButton } from "./icons";

/** A name as a field. Enter saves it, Escape cancels. What `onSave` throws is shown at the field. */
export function NameEditor(props: { name: string; onSave: (name: string) => Promise<void>; onClose: () => void }): JSX.Element {
  const { name, onSave, onClose } = props;
  const input = useRef<HTMLInputElement>(null);
  const error = useSignal("");
  const errorId = useId();
  const isSaving = useSignal(false);
  useEffect(() => {
    const field = input.current!;
    const end = field.value.lastIndexOf(".");
    field.focus();
    field.setSelectionRange(0, end > 0 ? end : field.value.length);
  }, []);
  const save = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (isSaving.value) return;
    isSaving.value = true;
    try {
      await onSave(input.current!.value);
      onClose();
    } catch (reason) {
      error.value = messageOf(reason);
      input.current?.focus();
    }
    isSaving.value = false;
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLFormElement>) => {
    event.stopPropagation();
    if (event.key === "Escape") onClose();
  };
  return (
    <form class="name-editor" onSubmit={(event) => void save(event)} onKeyDown={onKeyDown}>
      <input
        ref={input}
        aria-label={`New name of ${name}`}
        aria-invalid={error.value !== ""}
        aria-describedby={errorId}
        defaultValue={name}
        autocomplete="off"
        spellcheck={false}
      />
      <IconButton icon="check" label="Save the name" isSubmit />
      <IconButton icon="cancel" label="Cancel the renaming" onClick={onClose} />
      <p id={errorId} class="alarm" role="alert">
        {error.value}
      </p>
    </form>
  );
}
