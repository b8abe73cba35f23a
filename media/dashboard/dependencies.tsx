// The modules around the current stop: lists that keys and screen readers walk, with the edges drawn behind them.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { MetricsSnapshot, Neighbourhood } from '../../protocol/metrics';
import { useView } from './context';
import { count } from './format';
import { columns, mutual, type Column } from './graph';
import { State } from './modules';
import { Disclosure, Select, Table } from './pieces';
import type { Answer } from './state';
import { text } from './strings';

export function Dependencies({
  snapshot,
  answer,
}: {
  snapshot: MetricsSnapshot;
  answer: Answer<Neighbourhood> | null;
}) {
  const { view, change, send } = useView();
  const { module: chosen, depth } = view.dependencies;
  const stop = snapshot.sessions.find(({ running, stoppedIn }) => running && stoppedIn !== null)?.stoppedIn ?? null;
  const module = chosen ?? stop;
  const choose = (part: Partial<typeof view.dependencies>): void =>
    change((last) => ({ dependencies: { ...last.dependencies, ...part } }));
  const centre = (next: string | null): void => choose({ module: next });
  useEffect(() => {
    if (module !== null) send({ kind: 'neighbourhood', module, depth });
  }, [module, depth]);

  if (module === null) {
    return (
      <div class="blank">
        <h2>{text.dependenciesEmptyTitle}</h2>
        <p>{text.dependenciesEmpty}</p>
      </div>
    );
  }
  const current = answer?.module === module ? answer : null;
  return (
    <>
      <div class="tools">
        <Select
          id="depth"
          label={text.depth}
          value={depth}
          options={([1, 2] as const).map((value) => ({ value, title: text.depths(value) }))}
          onChange={(value) => choose({ depth: value })}
        />
        {chosen !== null && stop !== null && chosen !== stop && (
          <button type="button" class="secondary" onClick={() => centre(null)}>
            {text.currentStop}: <span class="code">{stop}</span>
          </button>
        )}
      </div>
      {current === null ? (
        <p class="quiet">{text.asking}</p>
      ) : 'value' in current ? (
        <Drawing neighbourhood={current.value} onCentre={centre} />
      ) : (
        <p class="trouble">{current.why}</p>
      )}
    </>
  );
}

function Drawing({ neighbourhood, onCentre }: { neighbourhood: Neighbourhood; onCentre: (module: string) => void }) {
  const { send } = useView();
  const { module, nodes, edges, omitted } = neighbourhood;
  const placed = useMemo(() => withEmptySides(columns(neighbourhood)), [neighbourhood]);
  const both = useMemo(() => mutual(neighbourhood), [neighbourhood]);
  const self = nodes.find((node) => node.module === module);
  const area = useRef<HTMLDivElement>(null);
  const states = useMemo(() => new Map(nodes.map((node) => [node.module, node.state])), [nodes]);

  return (
    <section>
      <h2>{text.around(module)}</h2>
      <div class="graph-scroller">
        <div class="graph" ref={area}>
          <Edges area={area} neighbourhood={neighbourhood} />
          {placed.map(({ distance, nodes: members }) => (
            <section key={distance} class="column">
              <h3 class={distance === 0 ? 'unseen' : ''}>{heading(distance)}</h3>
              {distance === 0 ? (
                <div class="node centre" data-module={module}>
                  <span class="code">{module}</span>
                  {self !== undefined && <State of={self.state} />}
                  {typeof self?.file === 'string' && (
                    <button
                      type="button"
                      class="secondary"
                      onClick={() => send({ kind: 'open', file: self.file ?? '', line: null })}
                    >
                      {text.openSource}
                    </button>
                  )}
                </div>
              ) : members.length === 0 ? (
                <p class="quiet">{distance < 0 ? text.noUsers : text.noUses}</p>
              ) : (
                <ul>
                  {members.map((node) => (
                    <li key={node.module}>
                      <button
                        type="button"
                        class={node.own ? 'node' : 'node foreign'}
                        data-module={node.module}
                        onClick={() => onCentre(node.module)}
                      >
                        <i class={`dot ${node.state}`} />
                        <span class="code">{node.module}</span>
                        {both.has(node.module) && <span class="tag">{text.mutual}</span>}
                        <span class="unseen">{text.states[node.state]}</span>
                      </button>
                    </li>
                  ))}
                </ul>
              )}
            </section>
          ))}
        </div>
      </div>
      <p class="quiet legend" aria-hidden="true">
        {(['interpreted', 'prepared', 'native'] as const).map((state) => (
          <State key={state} of={state} />
        ))}
        {edges.some(({ origin }) => origin === 'source') && <span>{text.fromSource}</span>}
      </p>
      {omitted > 0 && <p class="quiet">{text.omitted(count(omitted))}</p>}
      <Disclosure id="dependencies-table" title={text.asTable}>
        <Table
          label={text.around(module)}
          rows={edges}
          rowKey={({ from, to, kind, origin }) => `${from} ${to} ${kind} ${origin}`}
          columns={[
            { title: text.edgeFrom, cell: ({ from }) => <Named module={from} state={states.get(from)} /> },
            { title: text.edgeTo, cell: ({ to }) => <Named module={to} state={states.get(to)} /> },
            { title: text.edgeKind, cell: ({ kind }) => kind },
            { title: text.edgeOrigin, cell: ({ origin }) => text.origins[origin] },
          ]}
        />
      </Disclosure>
    </section>
  );
}

function Named({ module, state }: { module: string; state: Parameters<typeof State>[0]['of'] | undefined }) {
  return (
    <>
      <span class="code">{module}</span>
      {state !== undefined && (
        <span class="quiet">
          {' · '}
          {text.states[state]}
        </span>
      )}
    </>
  );
}

function heading(distance: number): string {
  if (distance === 0) return text.module;
  const side = distance < 0 ? text.usedBy : text.usesModules;
  return Math.abs(distance) === 1 ? side : text.further(side);
}

/** Both sides are always there, so that an empty one says that it is. */
function withEmptySides(found: Column[]): Column[] {
  const missing = [-1, 1].filter((distance) => !found.some((column) => column.distance === distance));
  return [...found, ...missing.map((distance) => ({ distance, nodes: [] }))].sort((a, b) => a.distance - b.distance);
}

interface Curve {
  path: string;
  dashed: boolean;
  key: string;
}

/** Lines between the nodes, wherever the page has put them. */
function Edges({ area, neighbourhood }: { area: { current: HTMLElement | null }; neighbourhood: Neighbourhood }) {
  const [curves, setCurves] = useState<Curve[]>([]);
  useLayoutEffect(() => {
    const { current } = area;
    if (current === null) return;
    const draw = (): void => setCurves(curvesIn(current, neighbourhood));
    const resized = new ResizeObserver(draw);
    resized.observe(current);
    draw();
    return () => resized.disconnect();
  }, [neighbourhood]);
  return (
    <svg class="edges" aria-hidden="true">
      {curves.map(({ key, path, dashed }) => (
        <path key={key} d={path} class={dashed ? 'dashed' : ''} />
      ))}
    </svg>
  );
}

function curvesIn(area: HTMLElement, { edges }: Neighbourhood): Curve[] {
  const origin = area.getBoundingClientRect();
  const boxes = new Map(
    [...area.querySelectorAll<HTMLElement>('.node')].map((node) => [
      node.dataset['module'],
      node.getBoundingClientRect(),
    ]),
  );
  const drawn = new Map<string, Curve>();
  for (const { from, to, origin: seen } of edges) {
    const [a, b] = [boxes.get(from), boxes.get(to)];
    // Lines within one column would cross its names; the table lists those edges.
    if (a === undefined || b === undefined || Math.abs(a.left - b.left) < 1) continue;
    const [left, right] = a.left < b.left ? [a, b] : [b, a];
    const key = a.left < b.left ? `${from} ${to}` : `${to} ${from}`;
    const known = drawn.get(key);
    const [x1, y1] = [left.right - origin.left, left.top + left.height / 2 - origin.top];
    const [x2, y2] = [right.left - origin.left, right.top + right.height / 2 - origin.top];
    const bend = (x2 - x1) / 2;
    drawn.set(key, {
      key,
      path: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`,
      dashed: seen === 'source' && known?.dashed !== false,
    });
  }
  return [...drawn.values()];
}
