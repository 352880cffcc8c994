// What the modules of the page read of the browser when they are imported, and while they wait.
import { vi } from "vitest";

const page = new EventTarget();

vi.stubGlobal("document", { getElementById: () => ({ textContent: '{"token": "token", "purgeDelay": 0}' }) });
vi.stubGlobal("location", { search: "" });
vi.stubGlobal("navigator", { onLine: true });
vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
vi.stubGlobal("dispatchEvent", page.dispatchEvent.bind(page));
