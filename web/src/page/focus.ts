/** Runs work that may remove the focused row, and then focuses the next row. */
export async function keepingFocus(work: () => Promise<unknown>): Promise<void> {
  const focused = document.activeElement;
  const row = focused?.closest("tr");
  const next = row?.nextElementSibling ?? row?.previousElementSibling;
  await work();
  afterRendering(() => {
    if (document.activeElement === document.body && focused !== document.body) focusIn(next);
  });
}

/** Focuses the row of a file, or the heading if the file is no longer in the list. */
export function focusRow(id: string): void {
  afterRendering(() => focusIn(document.querySelector(`tr[data-id="${CSS.escape(id)}"]`)));
}

function focusIn(row: Element | null | undefined): void {
  const target = row?.isConnected ? row.querySelector<HTMLElement>(":is(.name, .more-row) :is(button, a)") : null;
  (target ?? document.getElementById("files"))?.focus();
}

function afterRendering(work: () => void): void {
  requestAnimationFrame(work);
}
