const { token } = JSON.parse(document.getElementById("config")!.textContent!) as { token: string | null };

const PLACEHOLDER = "Bearer <your token>";

export const authorization = token ? `Bearer ${token}` : PLACEHOLDER;

// A token does not belong into localStorage, but GraphiQL's history keeps the headers of past queries even
// where they are not to be persisted. So tokens are taken out on the way in; ours, if any, is put back in on
// the way out, which also keeps old entries working when theirs would have expired.
export const storage = {
  getItem: (key: string) => localStorage.getItem(key)?.replaceAll(PLACEHOLDER, authorization) ?? null,
  setItem: (key: string, value: string) =>
    localStorage.setItem(key, value.replace(/Bearer [\w.~+/=-]+/gi, PLACEHOLDER)),
  removeItem: (key: string) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  get length() {
    return localStorage.length;
  },
};
