/** What the API wrote into the page. */
interface Config {
  /** A token of the embedded stack, which belongs to everybody who reaches its port. */
  token: string | null;
  /** Seconds that a deleted file can be restored; 0 where deleting is for good. */
  purgeDelay: number;
}

export const config: Config = JSON.parse(document.getElementById("config")!.textContent);
