// The modules that are prepared, interpreted, or decided about: a table of any length, and what can be done with one.
import { useEffect, useMemo } from 'preact/hooks';
import type { ModuleAction, ModuleExplanation } from '../../protocol/server';
import type { ModuleRow } from '../../protocol/metrics';
import { useView } from './context';
import { bytes, count, duration, percent, place, time } from './format';
import { DataGrid, type GridColumn } from './grid';
import { Empty, Figure, Select } from './pieces';
import type { Answer } from './state';
import { text } from './strings';
import { MODULE_FILTERS, type ModuleFilter, type Sort } from './view';

const COLUMNS: readonly (GridColumn<ModuleRow> & { by: (row: ModuleRow) => string | number | null })[] = [
  {
    key: 'module',
    title: text.module,
    width: 'w-module',
    by: ({ module }) => module,
    cell: ({ module, pinned, neverInterpret, own }) => (
      <>
        <span class="code" title={module}>
          {module}
        </span>
        {pinned && <span class="tag">{text.pinned}</span>}
        {neverInterpret && <span class="tag">{text.never}</span>}
        {!own && <span class="tag faint">{text.foreign}</span>}
      </>
    ),
  },
  {
    key: 'state',
    title: text.state,
    width: 'w-state',
    by: ({ state }) => ['interpreted', 'prepared', 'native'].indexOf(state),
    cell: ({ state }) => <State of={state} />,
  },
  {
    key: 'reason',
    title: text.reason,
    width: 'w-text',
    by: ({ reason }) => reason,
    cell: ({ reason }) => <span title={reason}>{reason}</span>,
  },
  {
    key: 'uses',
    title: text.uses,
    width: 'w-small',
    numeric: true,
    by: ({ uses }) => uses,
    cell: ({ uses }) => count(uses),
  },
  {
    key: 'predictedUse',
    title: text.predictedUse,
    width: 'w-number',
    numeric: true,
    by: ({ predictedUse }) => predictedUse,
    cell: ({ predictedUse }) => <Figure of={predictedUse} as={percent} />,
  },
  {
    key: 'bytes',
    title: text.size,
    width: 'w-number',
    numeric: true,
    by: (row) => row.bytes,
    cell: (row) => bytes(row.bytes),
  },
  {
    key: 'prepareMs',
    title: text.prepareTime,
    width: 'w-number',
    numeric: true,
    by: ({ prepareMs }) => prepareMs,
    cell: ({ prepareMs }) => duration(prepareMs),
  },
  {
    key: 'lastUsedAt',
    title: text.lastUsed,
    width: 'w-time',
    numeric: true,
    by: ({ lastUsedAt }) => lastUsedAt,
    cell: ({ lastUsedAt }) => <Figure of={lastUsedAt} as={time} />,
  },
];

export function State({ of }: { of: ModuleRow['state'] }) {
  return (
    <span class="state">
      <i class={`dot ${of}`} /> {text.states[of]}
    </span>
  );
}

const PASSES: Record<ModuleFilter, (row: ModuleRow) => boolean> = {
  all: () => true,
  interpreted: ({ state }) => state === 'interpreted',
  prepared: ({ state }) => state === 'prepared',
  native: ({ state }) => state === 'native',
  pinned: ({ pinned }) => pinned,
  never: ({ neverInterpret }) => neverInterpret,
};

export function Modules({
  modules,
  explanation,
}: {
  modules: ModuleRow[];
  explanation: Answer<ModuleExplanation> | null;
}) {
  const { view, change, send } = useView();
  const { sort, filter, state, selected, scroll } = view.modules;
  const choose = (part: Partial<typeof view.modules>): void =>
    change((last) => ({ modules: { ...last.modules, ...part } }));
  const shown = useMemo(() => selection(modules, filter, state, sort), [modules, filter, state, sort]);
  const row = modules.find(({ module }) => module === selected);
  if (modules.length === 0) return <Empty>{text.modulesEmpty}</Empty>;
  return (
    <>
      <div class="tools">
        <span class="field">
          <label for="module-filter">{text.filter}</label>
          <input
            id="module-filter"
            type="search"
            value={filter}
            placeholder={text.filterHint}
            onInput={(event) => choose({ filter: event.currentTarget.value })}
          />
        </span>
        <Select
          id="module-state"
          label={text.show}
          value={state}
          options={MODULE_FILTERS.map((value) => ({ value, title: text.moduleFilters[value] }))}
          onChange={(value) => choose({ state: value })}
        />
        <span class="count">{text.modulesShown(count(shown.length), count(modules.length))}</span>
      </div>
      <div class="split">
        {shown.length === 0 ? (
          <Empty>{text.modulesNoMatch}</Empty>
        ) : (
          <DataGrid
            label={text.modules}
            columns={COLUMNS}
            rows={shown}
            rowKey={({ module }) => module}
            sort={sort}
            onSort={(value) => choose({ sort: value })}
            selected={selected}
            onSelect={(value) => choose({ selected: value })}
            onActivate={openSource(send)}
            scroll={scroll}
            onScroll={(value) => choose({ scroll: value })}
          />
        )}
        {row === undefined ? (
          <p class="hint">{text.selectHint}</p>
        ) : (
          <Details row={row} explanation={explanation?.module === row.module ? explanation : null} />
        )}
      </div>
    </>
  );
}

function openSource(send: ReturnType<typeof useView>['send']): (row: Pick<ModuleRow, 'file' | 'line'>) => void {
  return ({ file, line }) => {
    if (file !== null) send({ kind: 'open', file, line });
  };
}

/** Nothing measured comes last, whichever way it is sorted. */
function selection(modules: ModuleRow[], filter: string, state: ModuleFilter, { key, descending }: Sort): ModuleRow[] {
  const wanted = filter.trim().toLowerCase();
  const by = COLUMNS.find((column) => column.key === key)?.by ?? (({ module }: ModuleRow) => module);
  const sign = descending ? -1 : 1;
  return modules
    .filter(
      (row) =>
        PASSES[state](row) &&
        (wanted === '' || row.module.toLowerCase().includes(wanted) || row.reason.toLowerCase().includes(wanted)),
    )
    .map((row) => ({ row, value: by(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      return sign * (a.value < b.value ? -1 : a.value > b.value ? 1 : 0) || (a.row.module < b.row.module ? -1 : 1);
    })
    .map(({ row }) => row);
}

function Details({ row, explanation }: { row: ModuleRow; explanation: Answer<ModuleExplanation> | null }) {
  const { change, send } = useView();
  const { module, pinned, neverInterpret, state, file, line } = row;
  // A new state has new reasons.
  useEffect(() => send({ kind: 'explain', module }), [module, state, pinned, neverInterpret]);
  const act = (action: ModuleAction) => (): void => send({ kind: 'module', module, action });
  return (
    <section class="details" aria-labelledby="details-title">
      <h2 id="details-title" class="code">
        {module}
      </h2>
      <p>
        <State of={state} />
        {file !== null && (
          <span class="quiet" title={file}>
            {' · '}
            {place(file, line)}
          </span>
        )}
      </p>
      <div class="buttons" role="group" aria-label={text.actions(module)}>
        {pinned ? (
          <Action onClick={act('unpin')}>{text.unpin}</Action>
        ) : (
          <Action onClick={act('pin')}>{text.pin}</Action>
        )}
        {state === 'native' ? (
          <Action onClick={act('prepare')}>{text.prepare}</Action>
        ) : (
          <Action onClick={act('release')}>{text.release}</Action>
        )}
        {neverInterpret ? (
          <Action onClick={act('allowInterpret')}>{text.allowInterpret}</Action>
        ) : (
          <Action onClick={act('neverInterpret')}>{text.neverInterpret}</Action>
        )}
        {file !== null && <Action onClick={() => openSource(send)(row)}>{text.openSource}</Action>}
        <Action
          onClick={() =>
            change((last) => ({ tab: 'dependencies', dependencies: { ...last.dependencies, module }, scroll: 0 }))
          }
        >
          {text.showDependencies}
        </Action>
      </div>
      <h3>{text.why}</h3>
      <Why row={row} explanation={explanation} />
    </section>
  );
}

function Action({ onClick, children }: { onClick: () => void; children: string }) {
  return (
    <button type="button" class="secondary" onClick={onClick}>
      {children}
    </button>
  );
}

function Why({ row, explanation }: { row: ModuleRow; explanation: Answer<ModuleExplanation> | null }) {
  if (explanation === null) return <p class="quiet">{text.asking}</p>;
  if (!('value' in explanation)) {
    return (
      <>
        <p>{row.reason}</p>
        <p class="trouble">{explanation.why}</p>
      </>
    );
  }
  const { reasons, usage, dependencies, dependents, bytes: size, prepareMs } = explanation.value;
  return (
    <>
      <ul>
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
      {size !== null && prepareMs !== null && <p>{text.costs(bytes(size), duration(prepareMs))}</p>}
      <p>{text.dependencyCounts(count(dependencies), count(dependents))}</p>
      {usage.length > 0 && (
        <>
          <h3>{text.pastUse}</h3>
          <ul>
            {usage.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </>
      )}
      {row.functions.length > 0 && (
        <>
          <h3>{text.functions}</h3>
          <ul class="code">
            {row.functions.map((name) => (
              <li key={name}>{name}</li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
