import type { JSX, TargetedSubmitEvent } from "preact";
import { config } from "../config";
import { reason, signIn } from "../session";

export function SignIn(): JSX.Element {
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget).get("token");
    if (typeof given === "string") signIn(given);
  };
  return (
    <main class="sign-in">
      <h2>Sign in</h2>
      {reason.value && (
        <p role="alert" class="alarm">
          {reason.value}
        </p>
      )}
      {config.token !== null && <p>Reload the page for a new token, or paste one.</p>}
      <form onSubmit={submit}>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="off" spellcheck={false} required autofocus />
        <button class="primary">Sign in</button>
      </form>
      <p class="faint">
        Use a bearer token of your identity provider, or one that <code>waybill token --sub you</code> prints. Closing
        this tab removes it.
      </p>
    </main>
  );
}
