/** The configuration that the API writes into the page. */
interface Config {
  /** A token of the embedded stack. Everyone who can reach its port may use it. */
  token: string | null;
  /** For how many seconds a deleted file can be restored; 0 if deletion is permanent. */
  purgeDelay: number;
}

export const config: Config = JSON.parse(document.getElementById("config")!.textContent);
