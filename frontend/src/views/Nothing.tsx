import {allRuns, allTags, change, chosenRuns, settings} from "../state/store";

/** Why no sample is shown, and the way back: a page without words helps nobody. */
export function Nothing() {
  const {runs, runFilter} = settings.value;
  if (chosenRuns.value.length)
    return (
      <Words
        words="None of these runs has a selected series."
        patch={{tags: null, tagFilter: ""}}
        what={`Show ${allTags.value[0] ?? "a series"}`}
      />
    );
  const gone = runs?.filter((run) => !allRuns.value.includes(run)) ?? [];
  const words = runFilter
    ? `No run matches “${runFilter}”.`
    : runs?.length && gone.length === runs.length
      ? `${gone.length === 1 ? `Run ${gone[0]} is` : "These runs are"} no longer in the log.`
      : "No run is selected.";
  return <Words words={words} patch={{runs: null, runFilter: ""}} what="Show the newest runs" />;
}

function Words({words, what, patch}: {words: string; what: string; patch: Parameters<typeof change>[0]}) {
  return (
    <p class="hint nothing" role="status">
      {words}{" "}
      <button type="button" class="link" onClick={() => change(patch)}>
        {what}
      </button>
    </p>
  );
}
