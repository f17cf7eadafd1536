import {useState} from "preact/hooks";
import {VIEW_NAMES} from "../state/names";
import {announce, type Group} from "../state/store";
import {view} from "../state/view";
import type {Sample} from "../types";
import type {Cast} from "../state/samples";

/** Loaded when something is handed out: encoders are large. */
const page = () => import("../export/page");

/** Hand out what is shown. All is made in the browser. */
export function Exports() {
  return (
    <section aria-label="Export">
      <h2>Export</h2>
      <div class="chips">
        <Task name={`${VIEW_NAMES[view.value]} as PNG`} run={async () => (await page()).viewPicture()} />
        <Task name="Numbers as CSV" run={async () => (await page()).viewCsv()} />
      </div>
    </section>
  );
}

interface Props {
  group: Group;
  cast: Cast;
  sample: Sample;
  index: number;
}

export function FocusExports({group, cast, sample, index}: Props) {
  return (
    <fieldset class="exports" aria-label="Export this sample">
      <Task name="PNG" run={async () => (await page()).samplePicture(group, sample, index)} />
      <Task name="GIF" run={async (tell) => (await page()).sampleGif(group, sample, index, tell)} />
      <Task name="CSV" run={async () => (await page()).sampleCsv(group, cast, sample, index)} />
    </fieldset>
  );
}

interface TaskProps {
  name: string;
  run: (tell: (done: number) => void) => Promise<string>; // what is said afterwards
}

/** A button whose work takes a while, and may fail with words. */
function Task({name, run}: TaskProps) {
  const [state, setState] = useState<{busy: boolean; words: string}>({busy: false, words: ""});
  const start = async () => {
    setState({busy: true, words: ""});
    try {
      const words = await run((done) => setState({busy: true, words: `${Math.round(100 * done)} %`}));
      setState({busy: false, words: ""});
      announce(words);
    } catch (error) {
      setState({busy: false, words: error instanceof Error ? error.message : String(error)});
    }
  };
  return (
    <>
      <button type="button" class="button" disabled={state.busy} onClick={() => void start()}>
        {name}
        {state.busy && state.words && ` ${state.words}`}
      </button>
      {!state.busy && state.words && (
        <p class="problem" role="alert">
          {state.words}
        </p>
      )}
    </>
  );
}
