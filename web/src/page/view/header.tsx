import type { JSX } from "preact";
import { line } from "../events";
import { isOwn, signOut, token } from "../session";

const LINES = { connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…" };

export function Header(): JSX.Element {
  return (
    <header class="header">
      <div>
        <h1>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect x="4" y="2" width="24" height="28" rx="4" />
            <path d="M10 10h12M10 16h12M10 22h6" />
          </svg>
          Waybill
        </h1>
        {token.value !== null && <Live />}
        <nav aria-label="Tools">
          <a href="/graphql">GraphiQL</a>
          <a href="/api/v1/docs">REST docs</a>
          <a href="/dashboard">Dashboard</a>
        </nav>
        {isOwn.value && (
          <button type="button" class="quiet" onClick={() => signOut()}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

function Live(): JSX.Element {
  return (
    <p class="live" role="status" data-line={line.value} title="Whether the page shows changes immediately">
      {LINES[line.value]}
    </p>
  );
}
