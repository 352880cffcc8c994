// What each program is started with, and the states in which a file stays.
export const [address, token] = process.argv.slice(2) as [string, string];
export const content = crypto.getRandomValues(new Uint8Array(1000));
export const final = new Set(["COMPLETED", "DUPLICATE", "FAILED", "EXPIRED"]);
export const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
