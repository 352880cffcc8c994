const { token } = JSON.parse(document.getElementById("config")!.textContent!) as { token: string | null };

const PLACEHOLDER = "Bearer <your token>";

export const authorization = token ? `Bearer ${token}` : PLACEHOLDER;

// Tokens must not be in localStorage, but GraphiQL's history stores the headers of past queries even if headers are
// not persisted. So this storage replaces tokens by a placeholder when it writes, and inserts the current token when
// it reads. Old entries therefore work after their token has expired.
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
