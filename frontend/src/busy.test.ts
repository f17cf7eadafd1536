import {afterEach, beforeEach, expect, test, vi} from "vitest";

const root = {dataset: {} as Record<string, string>};
let frames: (() => void)[] = [];

/** Let the page draw, so many times. */
async function draw(times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    for (const go of frames.splice(0)) go();
    await new Promise((done) => setTimeout(done));
  }
}

beforeEach(() => {
  frames = [];
  root.dataset = {};
  vi.resetModules();
  vi.stubGlobal("document", {documentElement: root, visibilityState: "visible"});
  vi.stubGlobal("window", {innerHeight: 800});
  vi.stubGlobal("requestAnimationFrame", (go: () => void) => frames.push(go));
});
afterEach(() => vi.unstubAllGlobals());

test("the page is busy at once, and no more when two frames went by in which nothing began", async () => {
  const {begin} = await import("./busy");
  const end = begin();
  expect(root.dataset.busy).toBe("true");
  await draw(5);
  end();
  await draw(1);
  expect(root.dataset.busy).toBe("true");
  begin()(); // as an effect of the drawing
  await draw(1);
  expect(root.dataset.busy).toBe("true");
  await draw(2);
  expect(root.dataset.busy).toBe("false");
});

test("work is over when it fails, too, and an end that is told twice counts once", async () => {
  const {begin, during} = await import("./busy");
  const first = begin();
  await expect(during(Promise.reject(new Error("no answer")))).rejects.toThrow("no answer");
  await draw(5);
  expect(root.dataset.busy).toBe("true");
  const second = begin();
  first();
  first();
  await draw(5);
  expect(root.dataset.busy).toBe("true");
  second();
  await draw(2);
  expect(root.dataset.busy).toBe("false");
});

test("what is done afterwards begins before the page says that it rests", async () => {
  const {afterwards, begin} = await import("./busy");
  let end = () => {};
  afterwards(() => {
    end = begin();
  });
  await draw(5);
  expect(root.dataset.busy).toBe("true");
  end();
  await draw(2);
  expect(root.dataset.busy).toBe("false");
});
