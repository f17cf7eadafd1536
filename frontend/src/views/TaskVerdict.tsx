import {shown} from "../maths/numbers";
import {type Cast, className, isRight, type Said} from "../state/samples";
import {errorsOf, type Membership} from "../state/tasks";
import type {Sample} from "../types";

interface Props {
  cast: Cast;
  sample: Sample;
  said: Said;
  explained?: number; // class index
}

/** What was predicted where that is no single class; null where it is. */
export function TaskVerdict({cast, sample, said, explained}: Props) {
  if (said.set)
    return <SetVerdict {...{cast, sample, said, set: said.set}} {...(explained === undefined ? {} : {explained})} />;
  if (said.values.length) return <Values sample={sample} values={said.values} />;
  if (said.boxes.length || cast.said?.task === "detection") return <Boxes cast={cast} said={said} />;
  return null;
}

export function hasTask(cast: Cast, said: Said): boolean {
  return said.set !== null || said.values.length > 0 || said.boxes.length > 0 || cast.said?.task === "detection";
}

/** ✓ predicted and true, ✗ predicted and not, "missed" the other way round; the rest only where it is explained. */
export function SetVerdict({cast, sample, said, set, explained}: Props & {set: Membership[]}) {
  const right = isRight(sample, said);
  const told = set.filter((one) => one.predicted || one.isTrue || one.class === explained);
  const whole = told.map((one) => `${wordOf(one)} ${className(cast.cohort, one.class)} ${one.probability.toFixed(2)}`);
  return (
    <span class="verdict set" data-testid="set" title={whole.join(", ")} data-right={right}>
      {told.length === 0 && <span class="class">none predicted</span>}
      {told.map((one) => (
        <span key={one.class} class={one.class === explained ? "member explained" : "member"}>
          <Sign member={one} />
          <span class="class">{className(cast.cohort, one.class)}</span>
          <span class="value">{one.probability.toFixed(2)}</span>
        </span>
      ))}
    </span>
  );
}

function wordOf({predicted, isTrue}: Membership): string {
  if (isTrue === null) return predicted ? "predicted:" : "not predicted:";
  if (predicted) return isTrue ? "right:" : "wrong:";
  return isTrue ? "missed:" : "correctly not predicted:";
}

export function Sign({member}: {member: Membership}) {
  const {predicted, isTrue} = member;
  const right = isTrue === null ? "" : predicted === isTrue ? "right" : "wrong";
  return (
    <span class={right}>
      <span aria-hidden="true">{right === "right" ? "✓" : right ? "✗" : "·"}</span>
      <span class="hidden">{wordOf(member)}</span>
      {isTrue && !predicted && <span class="missed">missed</span>}
    </span>
  );
}

/** Values with how far they are off. */
export function Values({sample, values}: {sample: Sample; values: readonly number[]}) {
  const errors = errorsOf(sample, values);
  return (
    <span class="verdict" data-testid="values">
      {values.map((value, place) => (
        <span key={place} class="member">
          <span class="class">{shown(value)}</span>
          {errors[place] != null && (
            <span class="value">
              {`true ${shown(sample.values?.[place] ?? Number.NaN)}, error ${signed(errors[place])}`}
            </span>
          )}
        </span>
      ))}
    </span>
  );
}

function signed(error: number): string {
  return `${error < 0 ? "−" : "+"}${shown(Math.abs(error))}`;
}

const MOST = 3; // boxes that a tile names

function Boxes({cast, said}: {cast: Cast; said: Said}) {
  const best = [...said.boxes].sort((a, b) => b.score - a.score);
  return (
    <span class="verdict set" data-testid="boxes">
      {best.length === 0 && <span class="class">nothing detected</span>}
      {best.slice(0, MOST).map((box, place) => (
        <span key={place} class="member">
          <span class="class">{className(cast.cohort, box.class) || "object"}</span>
          <span class="value">{box.score.toFixed(2)}</span>
        </span>
      ))}
      {best.length > MOST && <span class="value">and {shown(best.length - MOST)} more</span>}
    </span>
  );
}
