import { defineConfig } from "vite";

// Fixed names: what is built is committed, and the service sends it with an ETag.
export default defineConfig({
  base: "/console/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/market_maker/console",
    emptyOutDir: false,
    target: "es2022",
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { console: "index.html", stream: "src/stream-worker.ts" },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "console[extname]",
      },
    },
  },
  test: { include: ["tests/**/*.test.ts"] },
});
