import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { dismiss, notices, type Notice, spokenText } from "../notices";
import { IconButton } from "./icons";

/** How long a notice is shown. */
const NOTICE_MS = 10_000;

export function Notices(): JSX.Element {
  return (
    <>
      <div class="notices" role="status">
        {notices.value.map((notice) => (
          <Line key={notice.key} notice={notice} />
        ))}
      </div>
      <p class="unseen" role="status" data-testid="said">
        {spokenText.value}
      </p>
    </>
  );
}

function Line({ notice }: { notice: Notice }): JSX.Element {
  const { text, action, isAlarm } = notice;
  // A notice stays while the pointer or the focus is on it.
  const [isHeld, hold] = useState(false);
  useEffect(() => {
    if (isAlarm || isHeld) return undefined;
    const timer = setTimeout(() => dismiss(notice), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [notice, isAlarm, isHeld]);
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
