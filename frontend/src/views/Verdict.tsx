import {useMemo} from "preact/hooks";
import type {PredictionSeries, Sample} from "../types";
import {type Cast, className, isRight, type Said} from "../state/samples";
import {Cut} from "./Cut";
import {hasTask, TaskVerdict} from "./TaskVerdict";

interface Props {
  cast: Cast;
  sample: Sample;
  said: Said;
  truth?: boolean; // else it stands elsewhere
  explained?: number | undefined; // the class that the map is of
}

/** What the model thought of a sample, and what is true: signs and words, not colour alone. */
export function Verdict({cast, sample, said, truth = true, explained}: Props) {
  if (cast.said && cast.row < 0) return <Unsaid series={cast.said} />;
  if (hasTask(cast, said))
    return <TaskVerdict {...{cast, sample, said}} {...(explained === undefined ? {} : {explained})} />;
  const right = isRight(sample, said);
  const label = className(cast.cohort, sample.label);
  const prediction = className(cast.cohort, said.prediction) || (truth ? label || sample.caption || sample.id : "");
  if (!prediction) return null;
  return <OneClass {...{right, label, prediction, truth}} probability={said.probability?.toFixed(2) ?? ""} />;
}

interface OneClassProps {
  right: boolean | null;
  label: string;
  prediction: string;
  truth: boolean;
  probability: string;
}

/** Left as it is while the words stay the same, as they do for most tiles from step to step. */
function OneClass({right, label, prediction, truth, probability}: OneClassProps) {
  return useMemo(() => {
    const wrong = right === false && truth;
    const whole = right === null ? prediction : right ? `right: ${prediction}` : `wrong: ${prediction}, it is ${label}`;
    const value = probability && <span class="value">{probability}</span>;
    return (
      <span class="verdict" title={whole}>
        <span class="predicted">
          {right !== null && (
            <span class={right ? "right" : "wrong"}>
              <span aria-hidden="true">{right ? "✓" : "✗"}</span>
              <span class="hidden">{right ? "right:" : "wrong:"}</span>
            </span>
          )}
          <Cut name={prediction} />
          {!wrong && value}
        </span>
        {wrong && (
          <span class="true">
            <span aria-hidden="true">←</span>
            <span class="hidden">it is</span>
            <Cut name={label} />
            {value}
          </span>
        )}
      </span>
    );
  }, [right, label, prediction, truth, probability]);
}

const LINE = 20; // pixels
const LONG = 12; // characters of a name, from which on prediction and truth need a line each

/** Pixels that the verdicts of a list of samples need under each picture. */
export function verdictHeight({cohort, said}: Cast): number {
  const {samples, classNames} = cohort;
  const predicted = said?.prediction != null || (said !== null && said.task !== "classification");
  if (!predicted && !samples.some(({label, caption, id}) => label !== null || caption || id)) return 0;
  const both = predicted && samples.some(({label}) => label !== null);
  return both && classNames.some((name) => name.length > LONG) ? 2 * LINE : LINE;
}

/** Where a step has maps alone, nothing is borrowed from another step. */
function Unsaid({series: {total, steps}}: {series: PredictionSeries}) {
  const kept = total !== null && total > steps.length;
  return (
    <span class="verdict" data-testid="unsaid">
      <span class="class">no prediction {kept ? "kept " : ""}at this step</span>
    </span>
  );
}
