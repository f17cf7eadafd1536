import {defineConfig} from "vite";

/** The entry, which asks for data before the rest is here. */
const FIRST = /\/src\/(index\.ts|state\/opening\.ts)$/;
/** What is loaded when it is first shown. */
const LATER = new RegExp(
  [
    "uplot|gifenc|/src/export/|/src/views/answered\\.ts$",
    "/src/views/(AB|Atlas|Behind|Belief|CardDialog|Chart|Curves|Facts|Filmstrip|Findings|Focus|MeanMap|Methods|Overview)\\.tsx$",
  ].join("|"),
);

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
    lib: {entry: "src/index.ts", formats: ["es"], fileName: () => "index.js"},
    rolldownOptions: {
      output: {
        // What is only opened later is a file of its own, found beside index.js under the plugin's route for files.
        chunkFileNames: "static/[name]-[hash].js",
        // All of the first screen in one file, whoever else uses parts of it: else each part is one more to wait for.
        codeSplitting: {groups: [{name: "tab", test: (id) => !FIRST.test(id) && !LATER.test(id)}]},
        minify: mode === "production",
      },
    },
  },
}));
