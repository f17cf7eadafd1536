import {shown} from "../maths/numbers";
import {measured, measureName, meanOf, zeroOf} from "../state/belief";
import {shownStep} from "../state/maps";
import {mapNumbers, numberAt} from "../state/userNumbers";
import type {Group} from "../state/store";

interface Props {
  group: Group;
  index: number;
  target: number | undefined; // of the map
}

/** How far the map can be believed: its numbers, beside the mean of the series and a map that says nothing. */
export function Belief({group, index, target}: Props) {
  const names = mapNumbers(group);
  if (!names.length) return null;
  return (
    <section class="belief" aria-label="Belief">
      <h3>Belief</h3>
      <dl>
        {names.map((name) => (
          <Measure key={name} group={group} index={index} name={name} target={target} />
        ))}
      </dl>
    </section>
  );
}

function Measure({group, index, name, target}: Props & {name: string}) {
  const at = shownStep(group, index);
  const value = numberAt(group, name, index, at, target);
  const mean = meanOf(group, name, at);
  const zero = zeroOf(group, name, at);
  const known = [value, mean?.low, mean?.high, zero?.value].filter(
    (one) => one != null && Number.isFinite(one),
  ) as number[];
  const words = [
    mean && Number.isFinite(mean.mean)
      ? `mean of ${shown(mean.count)} samples ${measured(name, mean.mean)}, ${measured(name, mean.low)} to ${measured(name, mean.high)}`
      : "",
    zero ? `${zero.isMeasured ? "random maps" : "an uninformative map"} ${measured(name, zero.value)}` : "",
  ].filter(Boolean);
  return (
    <div>
      <dt>{measureName(name)}</dt>
      <dd>
        <strong>{value === null ? "none" : measured(name, value)}</strong>
        {known.length > 1 && <Scale known={known} value={value} mean={mean} zero={zero?.value ?? null} />}
        <span class="note">{words.join("; ")}</span>
      </dd>
    </div>
  );
}

interface ScaleProps {
  known: readonly number[];
  value: number | null;
  mean: {mean: number; low: number; high: number} | null;
  zero: number | null;
}

const WIDTH = 180;

/** The number as a dot, the mean's interval as a bar, and the zero line as a tick. */
function Scale({known, value, mean, zero}: ScaleProps) {
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = (one: number) => 6 + ((one - low) / (high - low || 1)) * (WIDTH - 12);
  return (
    <svg width={WIDTH} height={16} aria-hidden="true">
      <path class="base" d={`M0 8H${WIDTH}`} />
      {mean && Number.isFinite(mean.low) && (
        <rect class="range" x={x(mean.low)} y={5} width={Math.max(x(mean.high) - x(mean.low), 1)} height={6} />
      )}
      {mean && Number.isFinite(mean.mean) && <path class="mean" d={`M${x(mean.mean)} 2V14`} />}
      {zero !== null && <path class="zero" d={`M${x(zero)} 0V16`} />}
      {value !== null && Number.isFinite(value) && <circle cx={x(value)} cy={8} r={4} />}
    </svg>
  );
}
