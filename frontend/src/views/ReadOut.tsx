import {type Flag, median} from "../maths/ribbon";
import {shown} from "../maths/numbers";
import {numbersAt, type Row} from "../state/ribbon";
import {colorOf} from "../state/store";

const WIDE = 496; // pixels of a flag's card

/** Where a card under the ribbon stands, so that it stays on the page. */
function placed(left: number, width: number, own: number) {
  return {left: `${Math.round(Math.max(Math.min(left - 24, width - own), -80))}px`};
}

function number(value: number | null | undefined): string {
  return value == null ? "–" : value.toFixed(2);
}

/** Each run's numbers at a step. */
export function ReadOut({all, at, left, width}: {all: readonly Row[]; at: number; left: number; width: number}) {
  const told = all.flatMap((row) => {
    const numbers = numbersAt(row, at);
    return numbers ? [{row, numbers}] : [];
  });
  const hasTruth = told.some(({row}) => row.isInside);
  const judged = told.some(({numbers}) => numbers.accuracy !== null);
  return (
    <div class="read-out" style={placed(left, width, 200)} data-testid="read-out">
      <table>
        <thead>
          <tr>
            <th scope="col">step {shown(at)}</th>
            {told.length > 0 && hasTruth && <th scope="col">inside</th>}
            {told.length > 0 && <th scope="col">moved</th>}
            {judged && <th scope="col">accuracy</th>}
          </tr>
        </thead>
        <tbody>
          {told.map(({row, numbers}) => (
            <tr key={row.run}>
              <th scope="row">
                <span class="dot" style={{background: colorOf(row.run)}} /> {row.run}
                {numbers.step !== at && <span class="note"> at {shown(numbers.step)}</span>}
              </th>
              {hasTruth && <td>{number(numbers.inside)}</td>}
              <td>{number(numbers.moved)}</td>
              {judged && <td>{number(numbers.accuracy)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What changed at a flag, in words and numbers, beside the other runs. */
export function FlagCard({flag, all, left, width}: {flag: Flag; all: readonly Row[]; left: number; width: number}) {
  const row = all.find(({run}) => run === flag.run);
  const timeline = row?.timeline;
  if (!row || !timeline) return null;
  const index = timeline.step.indexOf(flag.step);
  const before = Math.max(index - 1, 0);
  const from = (values: readonly (number | null)[]) => `${number(values[before])} → ${number(values[index])}`;
  const others = all.filter(({run, timeline}) => run !== flag.run && timeline);
  return (
    <div class="flag-card" style={placed(left, width, WIDE)} data-testid="flag-card">
      <p class="title">
        <span class="dot" style={{background: colorOf(flag.run)}} />
        <strong>
          {flag.run}, step {shown(flag.step)}
        </strong>
        <span class="keys-hint">
          <kbd>&lt;</kbd> <kbd>&gt;</kbd> next or previous flag
        </span>
      </p>
      {sentencesOf(flag, row, from).map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      <dl>
        <Fact name="Moved in one step" value={number(timeline.moved[index])} />
        <Fact name="median of the run" value={number(median(timeline.moved))} />
        {timeline.accuracy[index] != null && (
          <Fact name={`Accuracy, ${shown(row.samples)} samples`} value={from(timeline.accuracy)} />
        )}
        {others.slice(0, 2).map((other) => (
          <Meanwhile key={other.run} other={other} since={timeline.step[before]!} at={flag.step} />
        ))}
      </dl>
    </div>
  );
}

const MOST = 2; // sentences: a card is no list

/** What holds since then, where that is a finding; else what the numbers say. */
function sentencesOf(flag: Flag, row: Row, from: (values: readonly (number | null)[]) => string): string[] {
  if (flag.sentences.length) return flag.sentences.slice(0, MOST);
  if (!row.isInside || !row.timeline) return ["From here on, attention moves by a different amount from step to step."];
  return [`The share of the evidence inside the marked region changes here: ${from(row.timeline.inside)}.`];
}

function Meanwhile({other, since, at}: {other: Row; since: number; at: number}) {
  const [before, after] = [numbersAt(other, since), numbersAt(other, at)];
  const name = other.isInside ? "inside" : "moved";
  return <Fact name={`${other.run}, meanwhile`} value={`${number(before?.[name])} → ${number(after?.[name])}`} />;
}

function Fact({name, value}: {name: string; value: string}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
