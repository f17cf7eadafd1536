import {clearFindings, leftFindings, show} from "../state/findings";
import {change, settings} from "../state/store";
import {showsSamples} from "../state/view";
import {IconButton} from "./controls";
import {CLOSE, FLAG} from "./icons";

/** The strongest finding in one line above the samples, until someone closes it. */
export function Strongest() {
  const [first] = clearFindings.value;
  const others = leftFindings.value.length - 1;
  if (!first || !showsSamples.value || !settings.value.strongest) return null;
  return (
    <aside class="strongest" aria-label="Strongest finding">
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={FLAG} />
      </svg>
      <span class="words" title={`${first.sentence}.`}>
        {first.sentence}.
      </span>
      <button type="button" class="link" onClick={() => show(first)}>
        Show
      </button>
      <button type="button" class="link rest" onClick={() => change({view: "findings"})}>
        {others ? `${others} more finding${others > 1 ? "s" : ""}` : "How it was found"}
      </button>
      <IconButton label="Close the finding" path={CLOSE} onClick={() => change({strongest: false})} />
    </aside>
  );
}
