/** Runs work that may remove the focused row, and then focuses the next row. */
export async function keepingFocus(work: () => Promise<void>): Promise<void> {
  const row = document.activeElement?.closest("tr");
  const next = row?.nextElementSibling ?? row?.previousElementSibling;
  await work();
  // After the next rendering.
  requestAnimationFrame(() => {
    if (document.activeElement !== document.body) return;
    const target = next?.isConnected ? next.querySelector<HTMLElement>(".name button") : document.getElementById("files");
    target?.focus();
  });
}
