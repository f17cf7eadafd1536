import {afterEach, beforeEach, expect, test} from "vitest";

import {Client} from "./client";
import {createLoader, type Loader} from "./loader";
import {startServer, type TestServer} from "./testServer";

const KEY = {run: "r", tag: "t", method: "m", layer: "l"};
const OTHER = {...KEY, layer: "other"};

let server: TestServer;
let loader: Loader;

beforeEach(async () => {
  server = await startServer({steps: [0, 10, 20, 30], samples: 100, generation: "g"});
  loader = createLoader(new Client(server.base), {chunk: 4, parallel: 2});
});
afterEach(async () => {
  loader.dispose();
  await server.close();
});

/** Wait until `done`, asking again whenever the loader tells of something. */
function until(done: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("nothing came within 3 s")), 3000);
    const look = () => {
      if (!done()) return;
      clearTimeout(late);
      end();
      resolve();
    };
    const end = loader.arrivals.subscribe(() => queueMicrotask(look));
  });
}

const asked = (route = "/maps") =>
  server.asked.filter(({pathname}) => pathname === route).map(({searchParams}) => searchParams);

test("one step of what is visible comes first, whole series in chunks behind it", async () => {
  loader.want([{...KEY, samples: [0, 1, 2, 3, 4, 5], step: 20}]);
  expect(loader.mapAt(KEY, 0, 20)).toBeNull();
  await until(() => loader.mapAt(KEY, 5, 20) !== null);
  expect(asked()[0]!.get("step")).toBe("20");
  expect(asked()[0]!.get("samples")).toBe("0,1,2,3,4,5");
  await until(() => loader.seriesOf(KEY, 5) !== null && loader.seriesOf(KEY, 0) !== null);
  const rest = asked().slice(1);
  expect(rest.map((query) => query.get("samples")).sort()).toEqual(["0,1,2,3", "4,5"]);
  expect(rest.every((query) => !query.has("step"))).toBe(true);
});

test("a map found is the sample's at the nearest step, and says whether it is that step's", async () => {
  loader.want([{...KEY, samples: [3], step: 12}]);
  await until(() => loader.seriesOf(KEY, 3) !== null);
  const near = loader.mapAt(KEY, 3, 12)!;
  expect([...near.map.values]).toEqual([0, 3, 10, 13]);
  expect(near).toMatchObject({exact: false, stepIndex: 1});
  expect(loader.mapAt(KEY, 3, 30)).toMatchObject({exact: true, map: {step: 30, maximum: 33}});
  expect(loader.mapAt(KEY, 3, 30)!.map).toBe(loader.mapAt(KEY, 3, 30)!.map);
  expect(loader.mapAt(KEY, 3, 30, 7)).toBeNull(); // a target that no map explains
  expect(loader.mapsAt(KEY, 3, 30)).toHaveLength(1);
  expect([...loader.stepsOf(KEY)!]).toEqual([0, 10, 20, 30]);
});

test("while one step is under way, later ones only replace each other", async () => {
  server.delay = 60;
  for (const step of [0, 10, 20, 30]) {
    loader.want([{...KEY, samples: [0], step}]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await until(() => loader.mapAt(KEY, 0, 30)?.map.step === 30);
  const steps = asked().map((query) => query.get("step"));
  expect(steps.slice(0, 2)).toEqual(["0", "30"]);
});

test("what is no longer shown is no longer fetched", async () => {
  loader.want([{...KEY, samples: Array.from({length: 40}, (_, i) => i), step: 0}]);
  await until(() => loader.mapAt(KEY, 0, 0) !== null);
  server.delay = 50;
  loader.want([{...OTHER, samples: [1], step: 0}]);
  await until(() => loader.seriesOf(OTHER, 1) !== null);
  await new Promise((resolve) => setTimeout(resolve, 150));
  const whole = asked().filter((query) => query.get("layer") === "l" && !query.has("step"));
  expect(whole.length).toBeLessThanOrEqual(2); // of ten chunks: those that were under way
});

test("what is here is not asked for again", async () => {
  loader.want([{...KEY, samples: [0, 1], step: 0}]);
  await until(() => loader.seriesOf(KEY, 1) !== null);
  const count = server.asked.length;
  for (const step of [10, 20, 30, 0]) loader.want([{...KEY, samples: [1, 0], step}]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(server.asked.length).toBe(count);
});

test("a refresh asks only for what is behind the last step", async () => {
  loader.want([{...KEY, samples: [0, 1], step: 30}]);
  await until(() => loader.seriesOf(KEY, 1) !== null);
  server.made = {...server.made, steps: [0, 10, 20, 30, 40]};
  loader.refresh();
  await until(() => loader.mapAt(KEY, 1, 40)?.exact === true);
  expect(asked().at(-1)!.get("after")).toBe("30");
  expect([...loader.mapAt(KEY, 1, 40)!.map.values]).toEqual([0, 1, 40, 41]);
  expect([...loader.mapAt(KEY, 1, 10)!.map.values]).toEqual([0, 1, 10, 11]);
  expect([...loader.stepsOf(KEY)!]).toEqual([0, 10, 20, 30, 40]);
});

test("what was asked for before a refresh and came after it is not taken for the end", async () => {
  server.delay = 50;
  loader.want([{...KEY, samples: [0], step: 30}]);
  const isWhole = () => asked().some((query) => !query.has("step"));
  while (!isWhole()) await new Promise((go) => setImmediate(go));
  expect(loader.seriesOf(KEY, 0)).toBeNull();
  server.made = {...server.made, steps: [0, 10, 20, 30, 40]};
  loader.refresh();
  await until(() => loader.mapAt(KEY, 0, 40)?.exact === true);
});

test("a restarted run replaces what was here", async () => {
  loader.want([{...KEY, samples: [0], step: 30}]);
  await until(() => loader.seriesOf(KEY, 0) !== null);
  server.made = {steps: [0, 5], samples: 100, generation: "restarted"};
  loader.refresh();
  await until(() => loader.stepsOf(KEY)?.length === 2);
  expect(loader.mapAt(KEY, 0, 30)!.map.step).toBe(5);
});

test("a failure belongs to its samples, and a retry asks again", async () => {
  server.failing = {status: 404, words: "no such series"};
  loader.want([{...KEY, samples: [0], step: 0}]);
  await until(() => loader.problem(KEY, 0) !== null);
  expect(loader.problem(KEY, 0)!.message).toBe("no such series");
  expect(loader.problem(KEY, 1)).toBeNull();
  const count = server.asked.length;
  loader.want([{...KEY, samples: [0], step: 10}]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(server.asked.length).toBe(count);
  server.failing = null;
  loader.retry();
  await until(() => loader.mapAt(KEY, 0, 10) !== null);
  expect(loader.problem(KEY, 0)).toBeNull();
});

test("maps stay when a refresh fails, and the next one brings what was missed", async () => {
  loader.want([{...KEY, samples: [0], step: 0}]);
  await until(() => loader.seriesOf(KEY, 0) !== null);
  server.failing = {status: 500, words: "busy"};
  server.made = {...server.made, steps: [0, 10, 20, 30, 40]};
  loader.refresh();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(loader.mapAt(KEY, 0, 30)?.exact).toBe(true);
  server.failing = null;
  loader.refresh();
  await until(() => loader.mapAt(KEY, 0, 40)?.exact === true);
});

test("new steps that failed to come are asked for again by themselves", async () => {
  loader.dispose();
  loader = createLoader(new Client(server.base), {retryMs: 60});
  loader.want([{...KEY, samples: [0], step: 0}]);
  await until(() => loader.seriesOf(KEY, 0) !== null);
  server.failing = {status: 500, words: "busy"};
  server.made = {...server.made, steps: [0, 10, 20, 30, 40]};
  loader.refresh();
  await new Promise((resolve) => setTimeout(resolve, 30));
  server.failing = null;
  await until(() => loader.mapAt(KEY, 0, 40)?.exact === true);
});

test("what is shown stays, however little room there is", async () => {
  loader.dispose();
  loader = createLoader(new Client(server.base), {chunk: 4, cacheBytes: 1});
  const layers = ["a", "b", "c"];
  loader.want(layers.map((layer) => ({...KEY, layer, samples: [0, 1, 2, 3], step: 0})));
  await until(() => layers.every((layer) => loader.seriesOf({...KEY, layer}, 3) !== null));
  loader.want([{...KEY, layer: "c", samples: [0], step: 0}]);
  loader.want([{...KEY, layer: "d", samples: [0], step: 0}]);
  await until(() => loader.seriesOf({...KEY, layer: "d"}, 0) !== null);
  expect(layers.map((layer) => loader.seriesOf({...KEY, layer}, 0))).toEqual([null, null, null]);
});

test("the least recently shown goes when there is no room, never what is shown", async () => {
  loader.dispose();
  loader = createLoader(new Client(server.base), {chunk: 4, cacheBytes: 1500});
  for (const layer of ["a", "b", "c", "d"]) {
    loader.want([{...KEY, layer, samples: [0, 1, 2, 3], step: 0}]);
    await until(() => loader.seriesOf({...KEY, layer}, 3) !== null);
  }
  expect(loader.seriesOf({...KEY, layer: "a"}, 0)).toBeNull();
  expect(loader.seriesOf({...KEY, layer: "d"}, 0)).not.toBeNull();
  expect(loader.bytes).toBeLessThanOrEqual(1500);
});

test("predictions come at the first call and grow with a refresh", async () => {
  expect(loader.predictions("r", "t")).toBeNull();
  await until(() => loader.predictions("r", "t") !== null);
  expect(asked("/predictions")).toHaveLength(1);
  server.made = {...server.made, steps: [0, 10, 20, 30, 40]};
  loader.refresh();
  await until(() => loader.predictions("r", "t")?.steps.length === 5);
  expect(asked("/predictions").at(-1)!.get("after")).toBe("30");
});

test("of a run that is gone nothing is asked again", async () => {
  await until(() => loader.predictions("r", "t") !== null);
  loader.refresh(["other"]);
  await new Promise((go) => setTimeout(go, 50));
  expect(asked("/predictions")).toHaveLength(1);
  await until(() => loader.predictions("r", "t") !== null); // it is back
  expect(asked("/predictions").map((query) => query.get("after"))).toEqual([null, null]);
});

test("a cohort is asked for once, and its failure is told", async () => {
  loader.cohort("r", "c0");
  loader.cohort("r", "c0");
  await until(() => loader.cohort("r", "c0") !== null);
  expect(asked("/cohort")).toHaveLength(1);
  server.failing = {status: 415, words: "corrupt cohort"};
  loader.cohort("r", "c1");
  await until(() => loader.cohortProblem("r", "c1") !== null);
  expect(loader.cohortProblem("r", "c1")!.message).toBe("corrupt cohort");
});

test("runs that log the same samples share one list of them, and one run's lost copy is not another's", async () => {
  server.failing = {status: 404, words: "no cohort c0 in this run"};
  loader.cohort("lost", "c0");
  loader.cohort("other", "c0");
  await until(() => loader.cohortProblem("lost", "c0") !== null);
  expect([loader.cohort("lost", "c0"), loader.cohortProblem("other", "c0")]).toEqual([null, null]);
  server.failing = null;
  await until(() => loader.cohort("other", "c0") !== null);
  expect(loader.cohort("lost", "c0")).toBe(loader.cohort("other", "c0"));
  expect(loader.cohortProblem("lost", "c0")).toBe(null);
  expect(asked("/cohort").map((query) => query.get("run"))).toEqual(["lost", "other"]);
});

test("of what is looked at briefly comes one step and no more", async () => {
  loader.want([{...KEY, samples: [0, 1], step: 20, brief: true}]);
  await until(() => loader.mapAt(KEY, 1, 20) !== null);
  expect(loader.cohortAt(KEY, 20)?.digest).toBe("c0");
  await new Promise((go) => setTimeout(go, 50));
  expect(asked().map((query) => query.get("step"))).toEqual(["20"]);
});
