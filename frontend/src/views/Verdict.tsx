import type {PredictionSeries, Sample} from "../types";
import {type Cast, className, isRight, type Said} from "../state/samples";

/** What the model thought of a sample, and whether that is so: a sign and words, not colour alone. */
export function Verdict({cast, sample, said}: {cast: Cast; sample: Sample; said: Said}) {
  if (cast.said && cast.row < 0) return <Unsaid series={cast.said} />;
  const right = isRight(sample, said);
  const label = className(cast.cohort, sample.label);
  const prediction = className(cast.cohort, said.prediction) || label || sample.caption || sample.id;
  return (
    <span class="verdict">
      {right !== null && (
        <span class={right ? "right" : "wrong"} title={right ? "right" : `wrong: it is ${label}`}>
          <span aria-hidden="true">{right ? "✓" : "✗"}</span>
          <span class="hidden">{right ? "right:" : `wrong, it is ${label}; predicted:`}</span>
        </span>
      )}
      <span class="class">{prediction}</span>
      <span class="value">{said.probability?.toFixed(2)}</span>
    </span>
  );
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
