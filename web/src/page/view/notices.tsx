import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { dismiss, notices, type Notice, said } from "../notices";
import { IconButton } from "./icons";

/** Milliseconds for which a notice stands. */
const STANDING = 10_000;

export function Notices(): JSX.Element {
  return (
    <>
      <div class="notices" role="status">
        {notices.value.map((notice) => (
          <Line key={notice.key} notice={notice} />
        ))}
      </div>
      <p class="unseen" role="status" data-testid="said">
        {said.value}
      </p>
    </>
  );
}

function Line({ notice }: { notice: Notice }): JSX.Element {
  const { text, action, isAlarm } = notice;
  // Nobody should have to hurry: it stays while it is looked at.
  const [isHeld, hold] = useState(false);
  useEffect(() => {
    if (isAlarm || isHeld) return undefined;
    const timer = setTimeout(() => dismiss(notice), STANDING);
    return () => clearTimeout(timer);
  }, [isHeld]);
  return (
    <div
      class={isAlarm ? "notice alarm" : "notice"}
      onPointerEnter={() => hold(true)}
      onPointerLeave={() => hold(false)}
      onFocusIn={() => hold(true)}
      onFocusOut={() => hold(false)}
    >
      <p>{text}</p>
      {action && (
        <button
          type="button"
          onClick={() => {
            dismiss(notice);
            action.run();
          }}
        >
          {action.label}
        </button>
      )}
      <IconButton icon="cancel" label="Dismiss" onClick={() => dismiss(notice)} />
    </div>
  );
}
