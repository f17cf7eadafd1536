import {shown} from "../maths/numbers";
import {signal} from "@preact/signals";
import {useEffect, useRef, useState} from "preact/hooks";
import {gifOf, type Progress, videoType, webmOf} from "../export/animate";
import {type Card, drawCard, SHAPES, type Shape} from "../export/card";
import {cardOf, type Subject} from "../export/cardOf";
import {download} from "../export/export";
import {shownStep} from "../state/maps";
import {sampleName} from "../state/names";
import {ordered} from "../state/ordering";
import {castAt} from "../state/samples";
import {specFrom} from "../state/spec";
import {announce, colorOf, dark, dialog, focusKey, groups, renderer, settings} from "../state/store";
import {twinsOf} from "../state/twins";
import {IconButton, Segments, Select} from "./controls";
import {CLOSE} from "./icons";

type Content = "one" | "runs" | "row";
type Output = "png" | "gif" | "webm";

const SHAPE_NAMES: readonly (readonly [Shape, string])[] = [
  ["wide", "1,200 × 675"],
  ["square", "Square"],
];
const THEMES: readonly (readonly ["light" | "dark", string])[] = [
  ["light", "Light"],
  ["dark", "Dark"],
];
const ROW = 4; // samples in a row
const REST_MS = 1500; // that an animation stays at its last step

/** Which sample the card is of: the one in focus, or else the first that is shown. */
function subjectShown(): Subject | null {
  const spec = specFrom(focusKey.value);
  const group = groups.value.find(({run, tag}) => run === spec?.run && tag === spec.tag) ?? groups.value[0];
  const cast = group && castAt(group, shownStep(group, spec?.sample ?? -1));
  if (!group || !cast) return null;
  const index =
    spec?.run === group.run && cast.cohort.samples[spec.sample] ? spec.sample : ordered(group, cast, settings.value)[0];
  const sample = index === undefined ? undefined : cast.cohort.samples[index];
  return index === undefined || !sample ? null : {group, sample, index};
}

function subjectsOf(content: Content, one: Subject): Subject[] {
  const {group, sample, index} = one;
  if (content === "one") return [one];
  if (content === "runs") {
    const twins = twinsOf(group.tag, sample, {group, index}).slice(0, 2);
    return twins.map((twin) => ({...twin, sample}));
  }
  const cast = castAt(group, shownStep(group, -1));
  const order = cast ? ordered(group, cast, settings.value) : [];
  const from = Math.max(order.indexOf(index), 0);
  const row = order.slice(from, from + ROW);
  return row.map((place) => ({group, index: place, sample: cast!.cohort.samples[place]!}));
}

const busy = signal<{output: Output; done: number} | null>(null);

/** Makes a card for a talk: seen as it will be, then saved or copied. */
export function CardDialog() {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current?.showModal(), []);
  const close = () => {
    dialog.value = null;
  };
  return (
    <dialog ref={box} class="card-dialog" aria-labelledby="card" data-testid="card" onClose={close}>
      <div class="title">
        <h2 id="card">Card</h2>
        <IconButton label="Close" path={CLOSE} onClick={close} />
      </div>
      <Maker />
    </dialog>
  );
}

function Maker() {
  const subject = useRef(subjectShown()).current;
  const twins = subject ? twinsOf(subject.group.tag, subject.sample, subject) : [];
  const [content, setContent] = useState<Content>(twins.length > 1 ? "runs" : "one");
  const [shape, setShape] = useState<Shape>("wide");
  const [isDark, setDark] = useState(dark.value);
  const [title, setTitle] = useState(subject ? sampleName(subject.sample, subject.index) : "");
  const [card, setCard] = useState<Card | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const subjects = subject ? subjectsOf(content, subject) : [];
  const at = subject ? shownStep(subject.group, subject.index) : 0;
  const text = JSON.stringify([content, at, isDark]);
  useEffect(() => {
    let current = true;
    setCard(null);
    void cardOf(subjects, at, {shape, dark: isDark, title}).then((made) => current && setCard(made));
    return () => {
      current = false;
    };
  }, [text]);
  const now = card && {...card, shape, dark: isDark, title};
  useEffect(() => {
    if (now && canvas.current && !busy.value) drawCard(canvas.current, now, now.steps.length - 1, renderer);
  });
  if (!subject) return <p class="hint">There is no sample to put on the card.</p>;
  const contents: (readonly [Content, string])[] = [
    ["one", "this sample"],
    ...(twins.length > 1 ? ([["runs", "in two runs"]] as const) : []),
    ["row", `a row of ${ROW} samples`],
  ];
  const {width, height} = SHAPES[shape];
  return (
    <>
      <div class="card-settings">
        <label class="card-title">
          <span>Title</span>
          <input class="text" value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
        </label>
        <Select label="Shows" value={content} options={contents} onChange={setContent} />
        <Segments label="Shape" value={shape} options={SHAPE_NAMES} onChange={setShape} />
        <Segments
          label="Theme"
          value={isDark ? "dark" : "light"}
          options={THEMES}
          onChange={(one) => setDark(one === "dark")}
        />
      </div>
      <canvas
        ref={canvas}
        class={card ? "card-preview" : "card-preview waits"}
        width={width}
        height={height}
        style={{"--shape": `${width} / ${height}`}}
        role="img"
        aria-label={`The card: ${title}`}
        data-testid="card-canvas"
        data-ready={card ? "true" : "false"}
        data-colors={subjects.map(({group}) => colorOf(group.run)).join()}
      />
      {now && <Outputs card={now} />}
    </>
  );
}

/** Ways to hand the card out; what this browser can't do is not offered. */
function Outputs({card}: {card: Card}) {
  const cancel = useRef<AbortController | null>(null);
  const [words, setWords] = useState("");
  const still = () => {
    const canvas = document.createElement("canvas");
    drawCard(canvas, card, card.steps.length - 1, renderer);
    return new Promise<Blob>((resolve, reject) => {
      canvas.toBlob(
        (blob) => (blob ? resolve(blob) : reject(new Error("The browser could not encode the PNG"))),
        "image/png",
      );
    });
  };
  const tell = (said: string) => {
    setWords(said);
    announce(said);
  };
  const start = async (output: Output, make: (progress: Progress) => Promise<Blob>) => {
    cancel.current = new AbortController();
    busy.value = {output, done: 0};
    setWords("");
    try {
      const progress = {
        signal: cancel.current.signal,
        tell: (done: number) => {
          busy.value = {output, done};
        },
      };
      const blob = await make(progress);
      download(blob, `${card.title || "grad-cam"}.${output}`);
      tell(`The ${output.toUpperCase()} was saved (${(blob.size / 1e6).toFixed(1)} MB)`);
    } catch (error) {
      const ended = cancel.current.signal.aborted;
      tell(ended ? "Canceled" : error instanceof Error ? error.message : String(error));
    } finally {
      busy.value = null;
    }
  };
  useEffect(() => () => cancel.current?.abort(), []);
  const frames = () => {
    const canvas = document.createElement("canvas");
    return (index: number) => {
      drawCard(canvas, card, index, renderer);
      return canvas;
    };
  };
  const delay = 1000 / settings.value.speed;
  const count = card.steps.length;
  const now = busy.value;
  return (
    <div class="card-outputs">
      <button type="button" class="button filled" disabled={now !== null} onClick={() => void start("png", still)}>
        Save PNG
      </button>
      {canCopy() && (
        <button
          type="button"
          class="button"
          disabled={now !== null}
          onClick={() => void copyPicture(still()).then(tell, (error) => tell(String(error)))}
        >
          Copy PNG
        </button>
      )}
      {count > 1 && (
        <button
          type="button"
          class="button"
          disabled={now !== null}
          onClick={() => void start("gif", (progress) => gifOf(count, frames(), delay, REST_MS, progress))}
        >
          Save GIF
        </button>
      )}
      {count > 1 && videoType() && (
        <button
          type="button"
          class="button"
          disabled={now !== null}
          onClick={() => void start("webm", (progress) => webmOf(count, frames(), delay, REST_MS, progress))}
        >
          Save WebM
        </button>
      )}
      {now && (
        <>
          <progress value={now.done} aria-label={`Making the ${now.output.toUpperCase()}`} />
          <button type="button" class="button" onClick={() => cancel.current?.abort()}>
            Cancel
          </button>
        </>
      )}
      <span role="status">{words || `Animations have ${shown(count)} steps`}</span>
    </div>
  );
}

/** Pictures can be copied only on secure origins. */
function canCopy(): boolean {
  return window.isSecureContext && typeof ClipboardItem !== "undefined" && !!navigator.clipboard?.write;
}

async function copyPicture(made: Promise<Blob>): Promise<string> {
  await navigator.clipboard.write([new ClipboardItem({"image/png": made})]);
  return "The PNG was copied";
}
