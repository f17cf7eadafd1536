const TAIL = 8; // characters that stay at the end of a name
const SHORT = 12; // characters that are not worth cutting

/** A name that is cut in its middle where the room is short: names of classes often differ at their end. */
export function Cut({name}: {name: string}) {
  if (name.length <= SHORT) return <span class="cut short">{name}</span>;
  return (
    <span class="cut" title={name}>
      <span class="start">{name.slice(0, -TAIL)}</span>
      <span>{name.slice(-TAIL)}</span>
    </span>
  );
}
