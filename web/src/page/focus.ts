/** Does what may take away what has the focus, and puts the focus where the list goes on rather than nowhere. */
export async function keepingFocus(work: () => Promise<void>): Promise<void> {
  const row = document.activeElement?.closest("tr");
  const next = row?.nextElementSibling ?? row?.previousElementSibling;
  await work();
  // Once it is drawn.
  requestAnimationFrame(() => {
    if (document.activeElement !== document.body) return;
    const target = next?.isConnected ? next.querySelector<HTMLElement>(".name button") : document.getElementById("files");
    target?.focus();
  });
}
