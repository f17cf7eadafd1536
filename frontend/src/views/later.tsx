/** Parts of the page that are loaded when they are first shown. */

import type {ComponentType} from "preact";
import {useEffect, useState} from "preact/hooks";
import {begin, during} from "../busy";

/** A component whose code is fetched by `load` when it is first needed, or a little before; or so long after. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, milliseconds = 0) {
  let loaded: ComponentType<P> | null = null;
  const fetched = async () => {
    try {
      loaded ??= await during(load());
    } catch {
      // TensorBoard is gone, as the page says by itself; it is fetched again when it is needed again.
    }
  };
  function Later(props: P) {
    const [, setReady] = useState(loaded !== null);
    useEffect(() => {
      if (loaded) return;
      const end = begin();
      const show = () => fetched().then(() => setReady(loaded !== null));
      const timer = setTimeout(() => void show().finally(end), milliseconds);
      return () => {
        clearTimeout(timer);
        end();
      };
    }, []);
    const Part = loaded;
    return Part && <Part {...props} />;
  }
  return Object.assign(Later, {fetch: fetched});
}
