/** Parts of the page that are loaded when they are first shown. */

import type {ComponentType} from "preact";
import {useEffect, useState} from "preact/hooks";
import {during} from "../busy";

/** A component whose code is fetched by `load` when it is first needed, or a little before. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>) {
  let loaded: ComponentType<P> | null = null;
  const fetched = async () => {
    loaded ??= await during(load());
  };
  function Later(props: P) {
    const [, setReady] = useState(loaded !== null);
    useEffect(() => {
      if (!loaded) void fetched().then(() => setReady(true));
    }, []);
    const Part = loaded;
    return Part && <Part {...props} />;
  }
  return Object.assign(Later, {fetch: fetched});
}
