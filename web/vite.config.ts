// Each entry is a page of its own, whose HTML the API writes: it finds an entry's files by its name in the
// manifest. Version 6 of Vite and version 3 of Vitest are the last that work with the Node 18 of Debian 12 and
// Ubuntu 24.04.
import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/assets/",
  publicDir: false,
  logLevel: "warn",
  build: {
    manifest: true,
    assetsDir: "",
    // Browsers that know light-dark() and AbortSignal.any().
    target: ["chrome123", "firefox124", "safari17.5"],
    // GraphiQL's editor is large, and loaded when it is needed.
    chunkSizeWarningLimit: 3000,
    reportCompressedSize: false,
    rollupOptions: {
      input: {
        graphiql: "src/graphiql/main.ts",
        page: "src/page/main.tsx",
      },
      onwarn(warning, warn) {
        // "use client" of React's libraries, which means nothing in a bundle.
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
  worker: { format: "es" },
  test: {
    include: ["tests/*.test.ts"],
    setupFiles: "tests/page.ts",
    reporters: "dot",
  },
});
