import {defineConfig} from "vite";

// Vitest's own `defineConfig` would make an install need Vitest: only Vite is imported here.
export default defineConfig(({mode}) => ({
  // Relative, or assets would be asked of the server's root and miss TensorBoard's --path_prefix.
  base: "./",
  define: {"process.env.NODE_ENV": JSON.stringify(mode)},
  // gifenc's `browser` field names a CommonJS file; `module` is the tree-shakable one.
  resolve: {mainFields: ["module", "browser"]},
  oxc: {jsx: {runtime: "automatic", importSource: "preact"}},
  build: {
    outDir: "../tensorboard_plugin_gradcam/viewer/static",
    // Also removes the stamp that says which sources the bundle is of, so a watch build never passes for a release.
    emptyOutDir: true,
    target: "es2022",
    // The bill of what is in the bundle, with the licences that have to travel with it.
    license: {fileName: "THIRD_PARTY_LICENSES.md"},
    lib: {entry: "src/index.tsx", formats: ["es"], fileName: () => "index.js"},
    rolldownOptions: {output: {codeSplitting: false, minify: mode === "production"}},
  },
}));
