import {defineConfig} from "vite";
import tab from "./vite.config.ts";

/** The viewer of exported files: the tab's own sources as one script, since a file can't load parts later. */
export default defineConfig((environment) => {
  const {build, ...shared} = tab(environment);
  return {
    ...shared,
    build: {
      ...build,
      outDir: "../tensorboard_plugin_gradcam/exports/viewer",
      license: false, // that of the tab covers it: the same libraries
      lib: {entry: "src/file.ts", formats: ["es" as const], fileName: () => "viewer.js"},
      rolldownOptions: {output: {codeSplitting: false, minify: environment.mode === "production"}},
    },
  };
});
