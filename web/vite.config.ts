// Each entry is a page of its own, whose HTML the API writes: it finds an entry's files by its name in the
// manifest. Version 6 of Vite is the last that works with the Node 18 of Debian 12 and Ubuntu 24.04.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/assets/",
  publicDir: false,
  build: {
    manifest: true,
    assetsDir: "",
    // Browsers that know light-dark() and AbortSignal.any().
    target: ["chrome123", "firefox124", "safari17.5"],
    rollupOptions: {
      input: {
        page: "src/page/main.tsx",
      },
    },
  },
  worker: { format: "es" },
});
